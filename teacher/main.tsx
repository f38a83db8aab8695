/** The teacher page. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { startPage } from '../web/ui/page';
import { TeacherClass } from './classroom';
import { saveClass, saveToken, savedClass, savedToken, takeTokenFromAddress } from './session';
import type { Session } from './session';
import { Start } from './start';

/** The class that this tab was in before a reload. */
function reloaded(token: string | null): Session | null {
    const setup = savedClass();
    return token !== null && setup ? { ...setup, token, returning: true } : null;
}

function App(): JSX.Element {
    const [token, setToken] = useState(savedToken);
    const [session, setSession] = useState(() => reloaded(token));
    const onToken = (next: string | null): void => {
        saveToken(next);
        setToken(next);
    };
    if (session) {
        const onLeave = (): void => {
            saveClass(null);
            setToken(savedToken());
            setSession(null);
        };
        return <TeacherClass session={session} onLeave={onLeave} />;
    }
    return (
        <Start
            token={token}
            onToken={onToken}
            onOpen={(setup) => token !== null && setSession({ ...setup, token, returning: false })}
        />
    );
}

takeTokenFromAddress();
startPage('teacherTitle', <App />);
