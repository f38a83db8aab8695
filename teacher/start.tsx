/** Before the class: who teaches, one button to start, and what is left of earlier classes. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { tokenExpiry } from '../web/client';
import { Field } from '../web/ui/field';
import { useNow } from '../web/ui/hooks';
import { LanguageSwitch } from '../web/ui/language';
import { CODE, cleanCode } from '../web/ui/page';
import { tab } from '../web/ui/storage';
import { clockTime, countdown } from '../web/ui/strings';
import { Records } from './records';
import { START_DRAFT, endedClasses, savedClass, tokenName, tokenUser } from './session';
import type { SavedClass, Setup } from './session';
import { SignIn } from './sign-in';
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
                    <SignIn problem={expired ? t('signInAgain') : undefined} onToken={onToken} />
                </>
            ) : (
                <>
                    <div class="who">
                        <span>{t('welcomeTeacher', { name: tokenName(token) })}</span>
                        <button type="button" class="link" onClick={() => onToken(null)}>
                            {t('signOut')}
                        </button>
                    </div>
                    <StillOpen onReturn={onReturn} />
                    <OpenForm onOpen={onOpen} />
                    <Ended token={token} />
                </>
            )}
            <LanguageSwitch />
        </main>
    );
}

/** The class that was left open, and how long it waits. */
function StillOpen({ onReturn }: Pick<StartProps, 'onReturn'>): JSX.Element | null {
    const left = savedClass();
    const now = useNow(left !== null);
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
    const change = (draft: { name: string; code: string }): void => {
        setDraft(draft);
        tab.set(START_DRAFT, draft);
    };
    const submit = (event: Event): void => {
        event.preventDefault();
        const room = cleanCode(code);
        const title = name.trim();
        change({ name, code: room });
        setWrong(room !== '' && !CODE.test(room));
        if (room !== '' && !CODE.test(room)) return;
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
                value={name}
                onValue={(text) => change({ name: text, code })}
                input={{
                    name: 'name',
                    placeholder: t('classNameHint'),
                    autocomplete: 'off',
                    maxLength: 64,
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
