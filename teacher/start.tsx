/** Before the class: who teaches, one button to start, and what is left of earlier classes. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { environment, roomStatus, tokenExpiry } from '../web/client';
import { SignIn } from '../web/ui/account/sign-in';
import { Field } from '../web/ui/field';
import { useNow } from '../web/ui/hooks';
import { LanguageSwitch } from '../web/ui/language';
import { nameTrouble } from '../web/ui/names';
import { BASE, CODE, cleanCode } from '../web/ui/page';
import { tab } from '../web/ui/storage';
import { clockTime, countdown } from '../web/ui/strings';
import { HOLD } from './class';
import { Records, epochOfClass } from './records';
import {
    START_DRAFT,
    endedClasses,
    forgetRunning,
    rememberEnded,
    runningClasses,
    savedClass,
    tokenName,
    tokenUser,
} from './session';
import type { RunningClass, SavedClass, Setup } from './session';
import { t } from './strings';

interface StartProps {
    token: string | null;
    onToken(token: string | null): void;
    onOpen(setup: Setup): void;
    onReturn(left: SavedClass): void;
}

export function Start({ token, onToken, onOpen, onReturn }: StartProps): JSX.Element {
    const expiry = token === null ? null : tokenExpiry(token);
    const expired = expiry !== null && expiry < Date.now();
    return (
        <main class="card start">
            <h1>{t('teacherTitle')}</h1>
            {token === null || expired ? (
                <>
                    <p class="lead">{t('signInLead')}</p>
                    <SignIn who="teacher" problem={expired ? t('signInAgain') : undefined} onToken={onToken} />
                </>
            ) : (
                <>
                    <div class="who">
                        <span>{t('welcomeTeacher', { name: tokenName(token) })}</span>
                        <button type="button" class="link" onClick={() => onToken(null)}>
                            {t('signOut')}
                        </button>
                    </div>
                    <Classes {...{ token, onOpen, onReturn }} />
                    <a class="centred" href="../chat/">
                        {t('chat')}
                    </a>
                </>
            )}
            <LanguageSwitch />
        </main>
    );
}

/**
 * Asks the server for one that this browser remembers: true where it is open still. One that has
 * ended moves to those whose records can be had, where they can.
 */
async function isRunning(token: string, { room, name, user, at }: RunningClass): Promise<boolean> {
    const status = await roomStatus(environment(), BASE, room);
    if (!status.ok && status.code !== 'room_not_found') return false;
    const epoch = await epochOfClass({ token, room });
    if (status.ok && epoch !== undefined) return true;
    // Without an epoch it is another teacher's by now, or there was no answer.
    if (!status.ok && epoch !== undefined) {
        forgetRunning(user, room);
        const endedAt = Math.min(Date.now(), at + HOLD * 1000);
        rememberEnded({ room, name, epoch, user, endedAt });
    }
    return false;
}

/** Those that are open still, but for `except`; and a new rendering once all are known. */
function useRunning(token: string, except: string | undefined): RunningClass[] {
    const [running, setRunning] = useState<RunningClass[]>([]);
    useEffect(() => {
        let here = true;
        const ask = async (): Promise<void> => {
            const all = runningClasses(tokenUser(token)).filter(({ room }) => room !== except);
            const answers = await Promise.all(all.map((each) => isRunning(token, each)));
            if (here) setRunning(all.filter((_, index) => answers[index]));
        };
        void ask();
        return () => {
            here = false;
        };
    }, [token, except]);
    return running;
}

interface ClassesProps extends Pick<StartProps, 'onOpen' | 'onReturn'> {
    token: string;
}

/** The class that is to be opened, and those before it. */
function Classes({ token, onOpen, onReturn }: ClassesProps): JSX.Element {
    const left = savedClass();
    const now = useNow(left !== null);
    const running = useRunning(token, left?.room);
    return (
        <>
            <StillOpen left={left} now={now} onReturn={onReturn} />
            {running.map(({ room, name }) => (
                <section key={room} class="still-open">
                    <p>
                        <strong>{name || t('unnamedClass', { code: room })}</strong>{' '}
                        {t('maybeOpen')}
                    </p>
                    <button
                        type="button"
                        class="primary wide"
                        onClick={() => onReturn({ room, ...(name ? { name } : {}) })}
                    >
                        {t('backToClass')}
                    </button>
                </section>
            ))}
            <OpenForm onOpen={onOpen} />
            <Ended token={token} />
        </>
    );
}

interface StillOpenProps extends Pick<StartProps, 'onReturn'> {
    left: SavedClass | null;
    /** This device's time, ms. */
    now: number;
}

/** The class that was left open, and how long it waits. */
function StillOpen({ left, now, onReturn }: StillOpenProps): JSX.Element | null {
    if (!left || (left.leftUntil === undefined && !left.elsewhere)) return null;
    const { room, name, leftUntil } = left;
    return (
        <section class="still-open">
            <p>
                <strong>{name || t('unnamedClass', { code: room })}</strong>{' '}
                {leftUntil === undefined
                    ? t('taughtElsewhere')
                    : t('stillOpen', { time: countdown(leftUntil - now) })}
            </p>
            <button type="button" class="primary wide" onClick={() => onReturn(left)}>
                {t(leftUntil === undefined ? 'useHere' : 'backToClass')}
            </button>
        </section>
    );
}

function OpenForm({ onOpen }: Pick<StartProps, 'onOpen'>): JSX.Element {
    const [{ name, code }, setDraft] = useState(
        () => tab.get<{ name: string; code: string }>(START_DRAFT) ?? { name: '', code: '' },
    );
    const [wrong, setWrong] = useState(false);
    const [badName, setBadName] = useState<ReturnType<typeof nameTrouble>>(null);
    const change = (draft: { name: string; code: string }): void => {
        setDraft(draft);
        tab.set(START_DRAFT, draft);
    };
    const submit = (event: Event): void => {
        event.preventDefault();
        const room = cleanCode(code);
        const title = name.trim();
        change({ name, code: room });
        const badCode = room !== '' && !CODE.test(room);
        const trouble = title === '' ? null : nameTrouble(title);
        setWrong(badCode);
        setBadName(trouble);
        if (badCode || trouble !== null) return;
        onOpen({ ...(room === '' ? {} : { room }), ...(title === '' ? {} : { name: title }) });
    };
    return (
        <form onSubmit={submit} noValidate>
            <button class="primary wide start-button" type="submit">
                {t('openClass')}
            </button>
            <p class="hint centred">{t('teacherLead')}</p>
            <Field
                label={`${t('className')} (${t('optional')})`}
                error={
                    badName ? t(badName === 'odd' ? 'oddClassName' : 'badClassName') : undefined
                }
                value={name}
                onValue={(text) => change({ name: text, code })}
                input={{
                    name: 'name',
                    placeholder: t('classNameHint'),
                    autocomplete: 'off',
                }}
            />
            <Field
                label={`${t('ownCode')} (${t('optional')})`}
                hint={t('ownCodeHint')}
                error={wrong ? t('badRoom') : undefined}
                value={code}
                onValue={(text) => change({ name, code: text })}
                input={{
                    class: 'code-input',
                    name: 'code',
                    autocomplete: 'off',
                    autocapitalize: 'characters',
                    spellcheck: false,
                    maxLength: 20,
                }}
            />
        </form>
    );
}

/** Classes that have ended, while the server keeps their records. */
function Ended({ token }: { token: string }): JSX.Element | null {
    const ended = endedClasses(tokenUser(token));
    if (ended.length === 0) return null;
    return (
        <section class="ended-classes" aria-labelledby="ended-label">
            <h2 id="ended-label">{t('endedClasses')}</h2>
            <p class="hint">{t('keptForAnHour')}</p>
            <ul>
                {ended.map(({ room, name, epoch, endedAt }) => (
                    <li key={`${room} ${epoch ?? ''}`}>
                        <p>
                            <strong>{name || t('unnamedClass', { code: room })}</strong>{' '}
                            <span class="hint">
                                {t('endedAt', { code: room, time: clockTime(endedAt) })}
                            </span>
                        </p>
                        <Records of={{ token, room, ...(epoch === undefined ? {} : { epoch }) }} />
                    </li>
                ))}
            </ul>
        </section>
    );
}
