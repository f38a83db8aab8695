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
import './style.css';

/** Who has a token that is over signs in anew. */
function isOver(token: string): boolean {
    const expiry = tokenExpiry(token);
    return expiry !== null && expiry < Date.now();
}

function App(): JSX.Element {
    const [token, setToken] = useState(savedToken);
    const [problem, setProblem] = useState<string | null>(null);
    const [stay, setStay] = useState(stays);
    const take = (next: string): void => {
        saveToken(next, stay);
        setProblem(null);
        setToken(next);
    };
    const leave = (why: string | null): void => {
        forgetToken();
        setProblem(why);
        setToken(null);
    };
    if (token !== null && !isOver(token)) {
        return <ChatPage key="chat" token={token} onToken={take} onLeave={leave} />;
    }
    return (
        <main class="card start">
            <h1>{t('chat')}</h1>
            <p class="lead">{t('signInLead')}</p>
            <SignIn
                who="anyone"
                problem={problem ?? (token === null ? undefined : t('signInAgain'))}
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
