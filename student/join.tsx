/** The way in: a code and a name, and then perhaps some patience. */

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Reason } from '../web/client';
import { Field } from '../web/ui/field';
import { useFirstFocus } from '../web/ui/hooks';
import { LanguageSwitch } from '../web/ui/language';
import { nameTrouble } from '../web/ui/names';
import { CODE, cleanCode } from '../web/ui/page';
import { tab } from '../web/ui/storage';
import { Banner, useOnline } from './banner';
import { enter } from './entrance';
import type { Entrance } from './entrance';
import type { Identity } from './identity';
import { waitingStatus } from './status';
import { t } from './strings';
import type { StringKey } from './strings';

interface Problem {
    text: StringKey;
    values?: { count: number };
}

interface Errors {
    code?: Problem;
    name?: Problem;
    form?: Problem;
}

function codeProblem(code: string): Problem | null {
    if (code === '') return { text: 'noCode' };
    return CODE.test(code) ? null : { text: 'badCode' };
}

function nameProblem(name: string): Problem | null {
    switch (nameTrouble(name)) {
        case 'empty':
            return { text: 'noName' };
        case 'long':
            return { text: 'longName', values: { count: [...name].length } };
        case 'odd':
            return { text: 'oddName' };
        case null:
            return null;
    }
}

const say = (problem: Problem | undefined): string | undefined =>
    problem && t(problem.text, problem.values);

interface JoinProps {
    code: string;
    name: string;
    /** Asks to be let into that class now, or, with the first code, into none. */
    onAsking(code: string): void;
    onEntered(identity: Identity): void;
}

/** What one has asked for and waits for: a reload goes on waiting. */
interface Request {
    code: string;
    name: string;
}

const REQUEST = 'lectern.student.request';

/** `linked`: the code in the address, which may by now be another class's. */
function keptRequest(linked: string): Request | null {
    const kept = tab.get<Request>(REQUEST);
    const fit = typeof kept?.code === 'string' && typeof kept.name === 'string';
    return fit && (linked === '' || linked === kept.code) ? kept : null;
}

export function Join(props: JoinProps): JSX.Element {
    const { code: firstCode, name: firstName, onAsking, onEntered } = props;
    const [kept] = useState(() => keptRequest(firstCode));
    const [code, setCode] = useState(kept?.code ?? firstCode);
    const [name, setName] = useState(kept?.name ?? firstName);
    const [errors, setErrors] = useState<Errors>({});
    const [asking, ask] = useState(kept);
    const setAsking = (next: Request | null): void => {
        if (next === null) tab.remove(REQUEST);
        else tab.set(REQUEST, next);
        onAsking(next?.code ?? firstCode);
        ask(next);
    };
    const form = useRef<HTMLFormElement>(null);
    const first = useRef(true);
    useEffect(() => {
        // Back from waiting, or refused: the reader is where there is something to do.
        if (!first.current && !asking) {
            form.current?.querySelector<HTMLElement>('[aria-invalid], input')?.focus();
        }
        first.current = false;
    }, [asking, errors]);

    const onSubmit = (event: Event): void => {
        event.preventDefault();
        const wanted = { code: cleanCode(code), name: name.trim() };
        const wrongCode = codeProblem(wanted.code);
        const wrongName = nameProblem(wanted.name);
        setErrors({
            ...(wrongCode ? { code: wrongCode } : {}),
            ...(wrongName ? { name: wrongName } : {}),
        });
        if (!wrongCode && !wrongName) setAsking(wanted);
    };
    const onRefused = (field: 'code' | 'name' | null, text: StringKey): void => {
        setAsking(null);
        setErrors({ [field ?? 'form']: { text } });
    };

    return (
        <main class="card join">
            <header class="join-head">
                <h1>{t('studentTitle')}</h1>
                <LanguageSwitch />
            </header>
            {asking ? (
                <Waiting
                    {...asking}
                    onEntered={(identity) => {
                        tab.remove(REQUEST);
                        onEntered(identity);
                    }}
                    onRefused={onRefused}
                    onCancel={() => setAsking(null)}
                />
            ) : (
                <form ref={form} onSubmit={onSubmit} noValidate>
                    <p class="lead">{t('studentLead')}</p>
                    {errors.form && (
                        <p class="alert" role="alert">
                            {say(errors.form)}
                        </p>
                    )}
                    <Field
                        label={t('classCode')}
                        error={say(errors.code)}
                        value={code}
                        onValue={setCode}
                        input={{
                            class: 'code-input',
                            name: 'code',
                            placeholder: t('codeHint'),
                            autocomplete: 'off',
                            autocapitalize: 'characters',
                            spellcheck: false,
                            autofocus: firstCode === '',
                        }}
                    />
                    <Field
                        label={t('yourName')}
                        error={say(errors.name)}
                        value={name}
                        onValue={setName}
                        input={{
                            name: 'name',
                            placeholder: t('nameHint'),
                            autocomplete: 'name',
                            autofocus: firstCode !== '',
                        }}
                    />
                    <button class="primary wide" type="submit">
                        {t('join')}
                    </button>
                </form>
            )}
            <p class="hint">
                <a href={`../check/${asking ? `?room=${asking.code}` : ''}`}>{t('checkLink')}</a>
                {' · '}
                <a href="../chat/">{t('chat')}</a>
            </p>
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
    const [wait, setWait] = useState<{ reason: Reason; retryAt: number } | null>(null);
    const entrance = useRef<Entrance | null>(null);
    const online = useOnline();
    const here = useFirstFocus<HTMLParagraphElement>();
    useEffect(() => {
        entrance.current = enter(code, name, {
            waiting: (reason, retryAt) => setWait({ reason, retryAt }),
            refused: onRefused,
            entered: onEntered,
        });
        const wake = (): void => {
            if (document.visibilityState === 'visible') entrance.current?.poke();
        };
        document.addEventListener('visibilitychange', wake);
        return () => {
            document.removeEventListener('visibilitychange', wake);
            entrance.current?.giveUp();
        };
    }, [code, name]);
    useEffect(() => {
        if (online) entrance.current?.poke();
    }, [online]);
    return (
        <div class="stack">
            <div class="waiting">
                <p class="waiting-code" ref={here} tabIndex={-1}>
                    {code}
                </p>
                <p>{name}</p>
            </div>
            <Banner
                status={
                    wait
                        ? waitingStatus(wait.reason, wait.retryAt, online)
                        : { tone: 'busy', title: 'connecting' }
                }
            />
            <button type="button" class="wide" onClick={onCancel}>
                {t('changeCode')}
            </button>
        </div>
    );
}
