/** The teacher page. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { startPage } from '../web/ui/page';
import { TeacherClass } from './classroom';
import { Projector } from './projector';
import { projectedRoom } from './projector-feed';
import {
    claimedElsewhere,
    forgetSession,
    saveClass,
    saveToken,
    savedClass,
    savedToken,
    takeFromAddress,
} from './session';
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

/** Tells of addresses with another token or class that come while the page is there. */
function useAddress(onOther: () => void): void {
    useEffect(() => {
        const look = (): void => {
            const token = savedToken();
            const room = savedClass()?.room;
            if (takeFromAddress() === null) return;
            if (savedToken() !== token || savedClass()?.room !== room) onOther();
        };
        window.addEventListener('hashchange', look);
        return () => window.removeEventListener('hashchange', look);
    }, []);
}

function App(): JSX.Element {
    const [token, setToken] = useState(savedToken);
    const [session, setSession] = useState(() => reloaded(token));
    useAddress(() => {
        const next = savedToken();
        setToken(next);
        setSession(reloaded(next));
    });
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
        const { token: opener, room = '' } = session;
        return <TeacherClass key={`${room} ${opener}`} session={session} onLeave={onLeave} />;
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

async function start(): Promise<void> {
    const given = takeFromAddress();
    const session = reloaded(savedToken());
    if (given !== 'class' && session?.room !== undefined) {
        const { room, name } = session;
        // Asked for on the start page: a copy of a tab takes no class away unasked.
        const claimed = await claimedElsewhere(room);
        if (claimed) saveClass({ room, ...(name ? { name } : {}), elsewhere: true });
    }
    startPage(() => t('teacherTitle'), App);
}

if (projectedRoom() === null) {
    void start();
} else {
    forgetSession();
    startPage(() => t('projector'), Projector);
}
