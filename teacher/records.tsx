/** Attendance and log of a class as files: the token goes in a header, never into a link. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { BASE } from '../web/ui/page';
import { t } from './strings';
import type { StringKey } from './strings';

export type RecordKind = 'attendance' | 'log';

export interface RecordsOf {
    token: string;
    room: string;
    /** Absent: the running class, or the one that ended last. */
    epoch?: string;
}

type Outcome = 'saved' | 'notKept' | 'signInAgain' | 'unreachableNow' | 'recordsFailed';

function address({ room, epoch }: RecordsOf, kind: RecordKind, format: 'csv' | 'json'): string {
    const query = new URLSearchParams({ format, ...(epoch === undefined ? {} : { class: epoch }) });
    return `${BASE}/rooms/${room}/${kind}?${query}`;
}

function get(of: RecordsOf, kind: RecordKind, format: 'csv' | 'json'): Promise<Response> {
    const headers = { authorization: `Bearer ${of.token}` };
    return fetch(address(of, kind, format), { headers, cache: 'no-store' });
}

/** Which class it is that the server has just ended; undefined where it does not say. */
export async function epochOfClass(of: RecordsOf): Promise<string | undefined> {
    try {
        const answer = await get(of, 'attendance', 'json');
        const { epoch } = (await answer.json()) as { epoch?: unknown };
        return typeof epoch === 'string' ? epoch : undefined;
    } catch {
        return undefined;
    }
}

function save(blob: Blob, name: string): void {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    // Not at once: some browsers read it only after this turn.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function download(of: RecordsOf, kind: RecordKind): Promise<Outcome> {
    try {
        const answer = await get(of, kind, 'csv');
        if (answer.status === 404) return 'notKept';
        if (answer.status === 401) return 'signInAgain';
        if (!answer.ok) return 'recordsFailed';
        save(await answer.blob(), `lectern-${of.room}-${kind}.csv`);
        return 'saved';
    } catch {
        return 'unreachableNow';
    }
}

const LABELS: Record<RecordKind, StringKey> = {
    attendance: 'downloadAttendance',
    log: 'downloadLog',
};

/** The two buttons, and what became of the last download. */
export function Records({ of }: { of: RecordsOf }): JSX.Element {
    const [outcome, setOutcome] = useState<Outcome | null>(null);
    const [busy, setBusy] = useState(false);
    const start = async (kind: RecordKind): Promise<void> => {
        setBusy(true);
        setOutcome(null);
        setOutcome(await download(of, kind));
        setBusy(false);
    };
    const bad = outcome !== null && outcome !== 'saved';
    return (
        <div class="records">
            <div class="row">
                {(['attendance', 'log'] as const).map((kind) => (
                    <button
                        key={kind}
                        type="button"
                        disabled={busy}
                        onClick={() => void start(kind)}
                    >
                        {t(LABELS[kind])}
                    </button>
                ))}
            </div>
            <p class={bad ? 'field-error' : 'hint'} role="status">
                {outcome === null ? '' : t(outcome)}
            </p>
        </div>
    );
}
