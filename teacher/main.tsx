/** The teacher page. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { startPage } from '../web/ui/page';
import { TeacherClass } from './classroom';
import { Projector } from './projector';
import { projectedRoom } from './projector-feed';
import { saveClass, saveToken, savedClass, savedToken, takeFromAddress } from './session';
import type { Session } from './session';
import { Start } from './start';
import { t } from './strings';
import './style.css';

/** The class that this tab was in before a reload, or that was handed to it. */
function reloaded(token: string | null): Session | null {
    const saved = savedClass();
    if (token === null || !saved || saved.leftUntil !== undefined || saved.elsewhere) return null;
    const { room, name } = saved;
    return { room, ...(name ? { name } : {}), token, returning: true };
}

function App(): JSX.Element {
    const [token, setToken] = useState(savedToken);
    const [session, setSession] = useState(() => reloaded(token));
    const onToken = (next: string | null): void => {
        saveToken(next);
        if (next === null) saveClass(null);
        setToken(next);
    };
    if (session) {
        const onLeave = (): void => {
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
            onReturn={({ room, name }) => {
                if (token === null) return;
                setSession({ room, ...(name ? { name } : {}), token, returning: true });
            }}
        />
    );
}

if (projectedRoom() === null) {
    takeFromAddress();
    startPage(() => t('teacherTitle'), App);
} else {
    startPage(() => t('projector'), Projector);
}
