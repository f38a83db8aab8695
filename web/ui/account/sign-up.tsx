/** Making an account, where the server lets people do so themselves. */

import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { environment, signup } from '../../client';
import type { Failure } from '../../client';
import { Field } from '../field';
import { BASE } from '../page';
import { tab } from '../storage';
import { accountTrouble } from './trouble';
import type { Who } from './who';
import { t } from './strings';
import type { StringKey } from './strings';

/** What is typed survives a reload, but for the password. */
const draftOf = (who: Who): string => `lectern.${who === 'teacher' ? who : 'chat'}.signup`;

type FieldName = 'id' | 'name' | 'email' | 'password';
type Form = Record<FieldName, string>;
type Problems = Partial<Record<FieldName, StringKey>>;

const EMPTY: Form = { id: '', name: '', email: '', password: '' };

const ID = /^[\w.@-]{1,64}$/;

/** What the server would refuse: docs/protocol.md, "Accounts". */
function problemsOf({ id, name, email, password }: Form): Problems {
    const bytes = new TextEncoder().encode(password).length;
    const characters = [...name.trim()].length;
    return {
        ...(ID.test(id.trim()) ? {} : { id: 'badId' }),
        ...(characters >= 1 && characters <= 64 ? {} : { name: 'badName' }),
        ...(email.trim() === '' || /^\S+@\S+$/.test(email.trim()) ? {} : { email: 'badEmail' }),
        ...(bytes >= 8 && bytes <= 128 ? {} : { password: 'badPassword' }),
    };
}

/** Refusals that are about one field. */
function problemOf({ code, field }: Failure): Problems | null {
    if (code === 'id_taken') return { id: 'idTaken' };
    if (code === 'email_taken') return { email: 'emailTaken' };
    if (code !== 'bad_field') return null;
    const texts: Problems = {
        id: 'badId',
        name: 'badName',
        email: 'badEmail',
        password: 'badPassword',
    };
    const text = texts[field as FieldName];
    return text ? { [field as FieldName]: text } : null;
}

const PLAIN = { autocapitalize: 'none', spellcheck: false } as const;

/** The form's fields: what they are called, and what browsers need to know of them. */
const FIELDS: readonly {
    field: FieldName;
    label: StringKey;
    hint?: StringKey;
    input: JSX.IntrinsicElements['input'];
}[] = [
    {
        field: 'id',
        label: 'newId',
        hint: 'newIdHint',
        input: { name: 'username', autocomplete: 'username', ...PLAIN },
    },
    { field: 'name', label: 'newName', input: { name: 'name', autocomplete: 'name' } },
    {
        field: 'email',
        label: 'email',
        input: { name: 'email', type: 'email', autocomplete: 'email', ...PLAIN },
    },
    {
        field: 'password',
        label: 'password',
        hint: 'newPasswordHint',
        input: { name: 'password', type: 'password', autocomplete: 'new-password' },
    },
];

interface SignUpProps {
    who: Who;
    onToken(token: string): void;
    children?: ComponentChildren;
}

export function SignUpForm({ who, onToken, children }: SignUpProps): JSX.Element {
    const draft = draftOf(who);
    const [form, setForm] = useState<Form>(() => ({ ...EMPTY, ...tab.get<Partial<Form>>(draft) }));
    const [problems, setProblems] = useState<Problems>({});
    const [trouble, setTrouble] = useState<string | null>(null);
    const [busy, setBusy] = useState(false);
    const change = (next: Form): void => {
        setForm(next);
        tab.set(draft, { ...next, password: '' });
    };
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        const found = problemsOf(form);
        setProblems(found);
        setTrouble(null);
        if (Object.keys(found).length > 0 || busy) return;
        setBusy(true);
        const { id, name, email, password } = form;
        const [one, two, three] = [id.trim(), name.trim(), email.trim()];
        // Teachers make theirs on their own page, or have it from the server's operator.
        const userType = who === 'teacher' ? 'teacher' : 'student';
        const given = { id: one, name: two, email: three, password, userType } as const;
        const answer = await signup(environment(), BASE, given);
        setBusy(false);
        if (answer.ok) {
            tab.remove(draft);
            return onToken(answer.value.token);
        }
        const problem = problemOf(answer);
        if (problem) setProblems(problem);
        else setTrouble(accountTrouble(answer, who));
    };
    return (
        <form onSubmit={(event) => void submit(event)} noValidate>
            {FIELDS.map(({ field, label, hint, input }) => (
                <Field
                    key={field}
                    label={t(label === 'newName' && who !== 'teacher' ? 'newNameOthers' : label)}
                    {...(hint ? { hint: t(hint) } : {})}
                    error={problems[field] && t(problems[field])}
                    value={form[field]}
                    onValue={(text) => change({ ...form, [field]: text })}
                    input={input}
                />
            ))}
            {trouble !== null && (
                <p class="alert" role="alert">
                    {trouble}
                </p>
            )}
            {children}
            <button class="primary wide" type="submit" disabled={busy}>
                {t('makeAccount')}
            </button>
        </form>
    );
}
