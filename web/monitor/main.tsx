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

/** Whether the feed is open to all; asked once, where there is no token. */
function usePublic(needed: boolean): boolean | null {
    const [open, setOpen] = useState<boolean | null>(null);
    useEffect(() => {
        if (!needed || open !== null) return;
        void feedChannels(environment(), BASE).then((answer) => setOpen(answer.ok));
    }, [needed]);
    return open;
}

function App(): JSX.Element {
    const [token, setToken] = useState<string | null>(
        () => fragmentToken() ?? tab.get<string>(KEY),
    );
    const [error, setError] = useState<StringKey | null>(null);
    const open = usePublic(token === null);
    const enter = (given: string): void => {
        tab.set(KEY, given);
        setError(null);
        setToken(given);
    };
    const leave = (why: StringKey | null): void => {
        tab.remove(KEY);
        setError(why);
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
