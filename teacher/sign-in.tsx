/** Signing in: by account where the server has accounts, else by a token that is pasted. */

import type { JSX } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import { accounts, environment, login, tokenClaims } from '../web/client';
import { Field } from '../web/ui/field';
import { BASE } from '../web/ui/page';
import { tab } from '../web/ui/storage';
import { accountTrouble } from './account-trouble';
import { SignUpForm } from './sign-up';
import { t } from './strings';
import type { StringKey } from './strings';

const LOGIN_NAME = 'lectern.teacher.login';

interface SignInProps {
    /** Why it is asked for, where one was signed in before. */
    problem?: string | undefined;
    onToken(token: string): void;
}

/** Until the server is asked once more what it offers, ms. */
const ASK_AGAIN = 4000;

type Way = 'login' | 'token' | 'signup';
const WAYS: Record<Way, StringKey> = {
    login: 'withAccount',
    token: 'withToken',
    signup: 'withNewAccount',
};

export function SignIn({ problem, onToken }: SignInProps): JSX.Element {
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
            else setWays(signup === 'open' ? ['login', 'signup', 'token'] : ['login', 'token']);
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
            {way === 'login' && <LoginForm onToken={onToken} />}
            {way === 'signup' && <SignUpForm onToken={onToken} />}
            {way === 'token' && <TokenForm onToken={onToken} />}
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

function LoginForm({ onToken }: Pick<SignInProps, 'onToken'>): JSX.Element {
    const [id, setId] = useState(() => tab.get<string>(LOGIN_NAME) ?? '');
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
        if (!answer.ok) setTrouble(accountTrouble(answer));
        else if (answer.value.user.userType !== 'teacher') setTrouble(t('notTeacher'));
        else onToken(answer.value.token);
    };
    const remember = (text: string): void => {
        setId(text);
        tab.set(LOGIN_NAME, text);
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
            <button class="primary wide" type="submit" disabled={busy}>
                {t(busy ? 'signingIn' : 'signIn')}
            </button>
        </form>
    );
}

function TokenForm({ onToken }: Pick<SignInProps, 'onToken'>): JSX.Element {
    const [text, setText] = useState('');
    const [wrong, setWrong] = useState<'tokenUnreadable' | 'notTeacher' | null>(null);
    const id = useId();
    const submit = (event: Event): void => {
        event.preventDefault();
        const token = text.replace(/\s/g, '');
        const claims = tokenClaims(token);
        if (!claims) setWrong('tokenUnreadable');
        else if (claims['userType'] === 'student') setWrong('notTeacher');
        else onToken(token);
    };
    return (
        <form onSubmit={submit} noValidate>
            <div class="field">
                <label for={id}>{t('token')}</label>
                <textarea
                    id={id}
                    class="token-input"
                    rows={4}
                    value={text}
                    spellcheck={false}
                    autocomplete="off"
                    aria-invalid={wrong !== null || undefined}
                    aria-describedby={`${id}-hint`}
                    onInput={(event) => setText(event.currentTarget.value)}
                />
                <p class="hint" id={`${id}-hint`}>
                    {t('tokenHint')}
                </p>
                {wrong && (
                    <p class="field-error" role="alert">
                        {t(wrong)}
                    </p>
                )}
            </div>
            <button class="primary wide" type="submit">
                {t('useToken')}
            </button>
        </form>
    );
}
