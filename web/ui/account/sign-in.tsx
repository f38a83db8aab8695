/** Signing in: by account where the server has accounts, else by a token that is pasted. */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import { accounts, environment, login, tokenClaims } from '../../client';
import { Field } from '../field';
import { BASE } from '../page';
import { tab } from '../storage';
import { accountTrouble } from './trouble';
import { SignUpForm } from './sign-up';
import { t } from './strings';
import type { StringKey } from './strings';
import type { Who } from './who';

const loginName = (who: Who): string => `lectern.${who === 'teacher' ? who : 'chat'}.login`;

interface SignInProps {
    who: Who;
    /** Why it is asked for, where one was signed in before. */
    problem?: string | undefined;
    onToken(token: string): void;
    /** What stands above the button of each way. */
    children?: ComponentChildren;
}

type FormProps = Omit<SignInProps, 'problem'>;

/** Until the server is asked once more what it offers, ms. */
const ASK_AGAIN = 4000;

type Way = 'login' | 'token' | 'signup';
const WAYS: Record<Way, StringKey> = {
    login: 'withAccount',
    token: 'withToken',
    signup: 'withNewAccount',
};

/** Whether one may make an account here oneself. */
function offered(signup: string, who: Who): boolean {
    return signup === 'open' || (signup === 'students' && who === 'anyone');
}

export function SignIn({ who, problem, onToken, children }: SignInProps): JSX.Element {
    /** Empty while the server is asked what it offers. */
    const [ways, setWays] = useState<Way[]>([]);
    const [chosen, setChosen] = useState<Way | null>(null);
    const [unanswered, setUnanswered] = useState(false);
    useEffect(() => {
        let here = true;
        let timer: ReturnType<typeof setTimeout> | undefined;
        const ask = async (): Promise<void> => {
            const answer = await accounts(environment(), BASE);
            if (!here) return;
            // No answer is not a no: both ways are offered, and the question is asked again.
            const silent = !answer.ok && answer.status !== 404;
            setUnanswered(silent);
            if (silent) timer = setTimeout(() => void ask(), ASK_AGAIN);
            const { login: kept, signup } = answer.ok
                ? answer.value
                : { login: silent, signup: '' };
            if (!kept) setWays(['token']);
            else setWays(offered(signup, who) ? ['login', 'signup', 'token'] : ['login', 'token']);
        };
        void ask();
        return () => {
            here = false;
            clearTimeout(timer);
        };
    }, []);
    const way = chosen ?? ways[0];
    return (
        <>
            {problem && (
                <p class="alert" role="alert">
                    {problem}
                </p>
            )}
            {unanswered && (
                <p class="alert" role="alert">
                    {t('waysUnknown')}
                </p>
            )}
            {way === undefined && <p class="hint">{t('connecting')}</p>}
            {way === 'login' && <LoginForm {...{ who, onToken, children }} />}
            {way === 'signup' && <SignUpForm {...{ who, onToken, children }} />}
            {way === 'token' && <TokenForm {...{ who, onToken, children }} />}
            {ways
                .filter((other) => other !== way)
                .map((other) => (
                    <button
                        key={other}
                        type="button"
                        class="link"
                        onClick={() => setChosen(other)}
                    >
                        {t(WAYS[other])}
                    </button>
                ))}
        </>
    );
}

function LoginForm({ who, onToken, children }: FormProps): JSX.Element {
    const [id, setId] = useState(() => tab.get<string>(loginName(who)) ?? '');
    const [password, setPassword] = useState('');
    const [trouble, setTrouble] = useState<string | null>(null);
    const [missing, setMissing] = useState(false);
    const [busy, setBusy] = useState(false);
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        const lacks = id.trim() === '' || password === '';
        setMissing(lacks);
        setTrouble(null);
        if (lacks || busy) return;
        setBusy(true);
        const answer = await login(environment(), BASE, id.trim(), password);
        setBusy(false);
        if (!answer.ok) setTrouble(accountTrouble(answer, who));
        else if (who === 'teacher' && answer.value.user.userType !== 'teacher') {
            setTrouble(t('notTeacher'));
        } else onToken(answer.value.token);
    };
    const remember = (text: string): void => {
        setId(text);
        tab.set(loginName(who), text);
    };
    return (
        <form onSubmit={(event) => void submit(event)} noValidate>
            <Field
                label={t('loginId')}
                error={missing && id.trim() === '' ? t('loginIdMissing') : undefined}
                value={id}
                onValue={remember}
                input={{
                    name: 'username',
                    autocomplete: 'username',
                    autocapitalize: 'none',
                    spellcheck: false,
                    maxLength: 254,
                }}
            />
            <Field
                label={t('password')}
                error={missing && password === '' ? t('passwordMissing') : undefined}
                value={password}
                onValue={setPassword}
                input={{ name: 'password', type: 'password', autocomplete: 'current-password' }}
            />
            {trouble !== null && (
                <p class="alert" role="alert">
                    {trouble}
                </p>
            )}
            {children}
            <button class="primary wide" type="submit" disabled={busy}>
                {t(busy ? 'signingIn' : 'signIn')}
            </button>
        </form>
    );
}

function TokenForm({ who, onToken, children }: FormProps): JSX.Element {
    const [text, setText] = useState('');
    const [wrong, setWrong] = useState<'tokenUnreadable' | 'notTeacher' | null>(null);
    const id = useId();
    const submit = (event: Event): void => {
        event.preventDefault();
        const token = text.replace(/\s/g, '');
        const claims = tokenClaims(token);
        if (!claims) setWrong('tokenUnreadable');
        else if (who === 'teacher' && claims['userType'] === 'student') setWrong('notTeacher');
        else onToken(token);
    };
    return (
        <form onSubmit={submit} noValidate>
            <div class="field">
                <label for={id}>{t(who === 'teacher' ? 'token' : 'anyToken')}</label>
                <textarea
                    id={id}
                    class="token-input"
                    rows={4}
                    value={text}
                    spellcheck={false}
                    autocomplete="off"
                    aria-invalid={wrong !== null || undefined}
                    aria-describedby={wrong ? `${id}-error ${id}-hint` : `${id}-hint`}
                    onInput={(event) => setText(event.currentTarget.value)}
                />
                <p class="hint" id={`${id}-hint`}>
                    {t('tokenHint')}
                </p>
                {wrong && (
                    <p class="field-error" id={`${id}-error`} role="alert">
                        {t(wrong)}
                    </p>
                )}
            </div>
            {children}
            <button class="primary wide" type="submit">
                {t('useToken')}
            </button>
        </form>
    );
}
