/** The way in: a code and a name, and then perhaps some patience. */

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Reason } from '../web/client';
import { Field } from '../web/ui/field';
import { useFirstFocus } from '../web/ui/hooks';
import { LanguageSwitch } from '../web/ui/language';
import { CODE, cleanCode } from '../web/ui/page';
import { Banner, useOnline } from './banner';
import { enter } from './entrance';
import type { Entrance } from './entrance';
import type { Identity } from './identity';
import { waitingStatus } from './status';
import { t } from './strings';
import type { StringKey } from './strings';

/** Most characters of a name, as the server counts them. */
const LONGEST_NAME = 64;

/** What the server takes for no part of a name: controls, and what turns the writing around. */
const ODD = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

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
    const count = [...name].length;
    if (count === 0) return { text: 'noName' };
    if (count > LONGEST_NAME) return { text: 'longName', values: { count } };
    return ODD.test(name) ? { text: 'oddName' } : null;
}

const say = (problem: Problem | undefined): string | undefined =>
    problem && t(problem.text, problem.values);

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
                    onEntered={onEntered}
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
