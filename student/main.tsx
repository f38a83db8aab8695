/** The student page. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { cleanCode, startPage } from '../web/ui/page';
import { StudentClass } from './classroom';
import { currentIdentity, lastIdentity, leaveIdentity, saveIdentity } from './identity';
import type { Identity } from './identity';
import { Join } from './join';
import { t } from './strings';
import './student.css';

const linkedCode = cleanCode(new URLSearchParams(location.search).get('room') ?? '');

/** The class of this tab, unless its link is to another one. */
function reloaded(): Identity | null {
    const identity = currentIdentity();
    return identity && (linkedCode === '' || linkedCode === identity.room) ? identity : null;
}

/** The address names the class, for a browser that forgets a tab's storage but not its address. */
function showCode(code: string): void {
    const url = new URL(location.href);
    if (code === '') url.searchParams.delete('room');
    else url.searchParams.set('room', code);
    history.replaceState(null, '', url);
}

function App(): JSX.Element {
    const [identity, setIdentity] = useState(reloaded);
    const [returning, setReturning] = useState(identity !== null);
    const [code, setCode] = useState(linkedCode);

    if (identity) {
        return (
            <StudentClass
                key={identity.token}
                identity={identity}
                returning={returning}
                onLeave={(again) => {
                    leaveIdentity();
                    const next = again ? identity.room : '';
                    showCode(next);
                    setCode(next);
                    setIdentity(null);
                }}
            />
        );
    }
    return (
        <Join
            code={code}
            name={lastIdentity()?.name ?? ''}
            onAsking={showCode}
            onEntered={(entered) => {
                saveIdentity(entered);
                showCode(entered.room);
                setReturning(false);
                setIdentity(entered);
            }}
        />
    );
}

startPage(() => t('studentTitle'), App);
