/**
 * The dashboard of the event feed: `/monitor/`, or `/monitor/?channels=a,b`. `#token=JWT` signs in;
 * where the feed is public nothing has to be entered.
 */

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { environment, feedChannels } from '../client';
import { BASE, startPage } from '../ui/page';
import { LanguageSwitch } from '../ui/language';
import { tab } from '../ui/storage';
import { Board } from './board';
import { t } from './strings';
import type { StringKey } from './strings';
import './monitor.css';

const KEY = 'lectern.monitor.token';

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/;

const wanted = (new URLSearchParams(location.search).get('channels') ?? '')
    .split(',')
    .filter((name) => name !== '');

/** The token of the address, which is taken out of it at once. */
function fragmentToken(): string | null {
    const token = new URLSearchParams(location.hash.slice(1)).get('token');
    if (token !== null) history.replaceState(null, '', location.pathname + location.search);
    return token;
}

interface SignInProps {
    error: StringKey | null;
    onToken(token: string): void;
}

function SignIn({ error, onToken }: SignInProps): JSX.Element {
    const [token, setToken] = useState('');
    const [wrong, setWrong] = useState(false);
    const input = useRef<HTMLTextAreaElement>(null);
    useEffect(() => input.current?.focus(), []);
    const submit = (event: Event): void => {
        event.preventDefault();
        const given = token.trim();
        setWrong(!TOKEN.test(given));
        if (TOKEN.test(given)) onToken(given);
    };
    const problem = wrong ? 'tokenForm' : error;
    return (
        <main class="card">
            <div class="row monitor-head">
                <h1>{t('title')}</h1>
                <LanguageSwitch />
            </div>
            <p class="lead">{t('lead')}</p>
            <form onSubmit={submit}>
                <div class="field">
                    <label for="token">{t('tokenLabel')}</label>
                    <textarea
                        id="token"
                        class="token-input"
                        ref={input}
                        rows={4}
                        autocomplete="off"
                        spellcheck={false}
                        value={token}
                        aria-invalid={problem ? true : undefined}
                        aria-describedby={problem ? 'token-error token-hint' : 'token-hint'}
                        onInput={(event) => setToken(event.currentTarget.value)}
                    />
                    <p class="hint" id="token-hint">
                        {t('tokenHint')}
                    </p>
                    {problem && (
                        <p class="field-error" id="token-error" role="alert">
                            {t(problem)}
                        </p>
                    )}
                </div>
                <button type="submit" class="primary wide">
                    {t('open')}
                </button>
            </form>
        </main>
    );
}

/** A server that could not say is asked again after so long, ms. */
const ASK_AGAIN = 3000;

/**
 * Whether the feed is open to all, null while nobody has said; asked where there is no token. The
 * function says that it is not, after all.
 */
function usePublic(needed: boolean): [boolean | null, () => void] {
    const [open, setOpen] = useState<boolean | null>(null);
    useEffect(() => {
        if (!needed || open !== null) return undefined;
        let timer = 0;
        let gone = false;
        const ask = async (): Promise<void> => {
            const answer = await feedChannels(environment(), BASE);
            if (gone) return;
            const later = !answer.ok && (answer.status < 400 || answer.status === 429 || answer.status >= 500);
            if (later) timer = window.setTimeout(() => void ask(), ASK_AGAIN);
            else setOpen(answer.ok);
        };
        void ask();
        return () => {
            gone = true;
            clearTimeout(timer);
        };
    }, [needed]);
    return [open, () => setOpen(false)];
}

function App(): JSX.Element {
    const [token, setToken] = useState<string | null>(
        () => fragmentToken() ?? tab.get<string>(KEY),
    );
    const [error, setError] = useState<StringKey | null>(null);
    const [open, notOpen] = usePublic(token === null);
    const enter = (given: string): void => {
        tab.set(KEY, given);
        setError(null);
        setToken(given);
    };
    const leave = (why: StringKey | null): void => {
        tab.remove(KEY);
        // Where nobody has given a token none is wrong: the feed has been closed to the public.
        if (token === null) notOpen();
        else setError(why);
        setToken(null);
    };
    if (token === null && open === null) {
        return (
            <main class="card">
                <h1>{t('title')}</h1>
                <p role="status">{t('asking')}</p>
            </main>
        );
    }
    if (token === null && !open) return <SignIn error={error} onToken={enter} />;
    return <Board key={token ?? ''} token={token} channels={wanted} onLeave={leave} />;
}

startPage(() => t('title'), App);
