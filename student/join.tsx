/** The way in: a code and a name, and then perhaps some patience. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Field } from '../web/ui/components';
import { useNow } from '../web/ui/hooks';
import { CODE, cleanCode } from '../web/ui/page';
import { t } from '../web/ui/strings';
import type { StringKey } from '../web/ui/strings';
import { enter } from './entrance';
import type { Identity } from './identity';

interface Errors {
    code?: StringKey;
    name?: StringKey;
    form?: StringKey;
}

interface JoinProps {
    code: string;
    name: string;
    onEntered(identity: Identity): void;
}

export function Join({ code: firstCode, name: firstName, onEntered }: JoinProps): JSX.Element {
    const [code, setCode] = useState(firstCode);
    const [name, setName] = useState(firstName);
    const [errors, setErrors] = useState<Errors>({});
    const [asking, setAsking] = useState<{ code: string; name: string } | null>(null);

    const onSubmit = (event: Event): void => {
        event.preventDefault();
        const wanted = { code: cleanCode(code), name: name.trim() };
        const found: Errors = {};
        if (!CODE.test(wanted.code)) found.code = 'badRoom';
        if (wanted.name === '') found.name = 'badName';
        setErrors(found);
        setCode(wanted.code);
        if (!found.code && !found.name) setAsking(wanted);
    };
    const onRefused = (field: 'code' | 'name' | null, text: StringKey): void => {
        setAsking(null);
        setErrors({ [field ?? 'form']: text });
    };

    return (
        <main class="card">
            <h1>{t('studentTitle')}</h1>
            {asking ? (
                <Waiting
                    {...asking}
                    onEntered={onEntered}
                    onRefused={onRefused}
                    onCancel={() => setAsking(null)}
                />
            ) : (
                <form onSubmit={onSubmit} noValidate>
                    <p class="lead">{t('studentLead')}</p>
                    {errors.form && (
                        <p class="alert" role="alert">
                            {t(errors.form)}
                        </p>
                    )}
                    <Field
                        label={t('classCode')}
                        error={errors.code && t(errors.code)}
                        value={code}
                        onValue={setCode}
                        input={{
                            class: 'code-input',
                            name: 'code',
                            placeholder: t('codeHint'),
                            autocomplete: 'off',
                            autocapitalize: 'characters',
                            spellcheck: false,
                            maxLength: 20,
                            autofocus: firstCode === '',
                        }}
                    />
                    <Field
                        label={t('yourName')}
                        error={errors.name && t(errors.name)}
                        value={name}
                        onValue={setName}
                        input={{
                            name: 'name',
                            placeholder: t('nameHint'),
                            autocomplete: 'name',
                            maxLength: 64,
                            autofocus: firstCode !== '',
                        }}
                    />
                    <button class="primary wide" type="submit">
                        {t('join')}
                    </button>
                </form>
            )}
        </main>
    );
}

interface WaitingProps {
    code: string;
    name: string;
    onEntered(identity: Identity): void;
    onRefused(field: 'code' | 'name' | null, text: StringKey): void;
    onCancel(): void;
}

function Waiting({ code, name, onEntered, onRefused, onCancel }: WaitingProps): JSX.Element {
    const [status, setStatus] = useState<{ text: StringKey; retryAt: number } | null>(null);
    const now = useNow(true);
    useEffect(
        () =>
            enter(code, name, {
                waiting: (text, retryAt) => setStatus({ text, retryAt }),
                refused: onRefused,
                entered: onEntered,
            }),
        [code, name],
    );
    const seconds = Math.max(0, Math.ceil(((status?.retryAt ?? now) - now) / 1000));
    return (
        <div class="stack">
            <p class="waiting-code">{code}</p>
            <div class="state state-busy" role="status">
                <span class="state-dot" aria-hidden="true" />
                <span>{status ? t(status.text, { seconds }) : t('connecting')}</span>
            </div>
            <button type="button" class="wide" onClick={onCancel}>
                {t('cancel')}
            </button>
        </div>
    );
}
