/** The chat page: `/chat/`, `/chat/#<room>`. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { tokenExpiry } from '../client';
import { SignIn } from '../ui/account/sign-in';
import { LanguageSwitch } from '../ui/language';
import { startPage } from '../ui/page';
import { ChatPage } from './page';
import { forgetToken, saveToken, savedToken, stays, takeFromAddress } from './session';
import { t } from './strings';
import type { StringKey } from './strings';
import './style.css';

/** Who has a token that is over signs in anew. */
function isOver(token: string): boolean {
    const expiry = tokenExpiry(token);
    return expiry !== null && expiry < Date.now();
}

function App(): JSX.Element {
    const [saved] = useState(savedToken);
    const over = saved !== null && isOver(saved);
    // One that ends later is renewed on the page itself, above what one was doing.
    const [token, setToken] = useState(over ? null : saved);
    const [problem, setProblem] = useState<StringKey | null>(over ? 'signInAgain' : null);
    const [stay, setStay] = useState(stays);
    const take = (next: string): void => {
        saveToken(next, stay);
        setProblem(null);
        setToken(next);
    };
    const leave = (why: StringKey | null): void => {
        forgetToken();
        setProblem(why);
        setToken(null);
    };
    if (token !== null) {
        return <ChatPage key="chat" token={token} onToken={take} onLeave={leave} />;
    }
    return (
        <main class="card start">
            <h1>{t('chat')}</h1>
            <p class="lead">{t('signInLead')}</p>
            <SignIn
                who="anyone"
                problem={problem === null ? undefined : t(problem)}
                onToken={take}
            >
                <label class="check-line">
                    <input
                        type="checkbox"
                        checked={stay}
                        onChange={(event) => setStay(event.currentTarget.checked)}
                    />
                    {t('staySignedIn')}
                </label>
            </SignIn>
            <LanguageSwitch />
        </main>
    );
}

takeFromAddress();
startPage(() => t('chat'), App);
