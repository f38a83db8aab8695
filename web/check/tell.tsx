/** The part of the check that lets a class's teacher know. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Field } from '../ui/field';
import { BASE } from '../ui/page';
import { device } from '../ui/storage';
import { tellTeacher } from './report';
import type { Result } from './report';
import { t } from './strings';

const NAME = 'lectern.check.name';

interface TellProps {
    room: string;
    /** Null while the check runs. */
    result: Result | null;
}

/** The server's and the client's codes that have a sentence of their own. */
function whyText(code: string): string {
    switch (code) {
        case 'room_not_found':
        case 'room_ended':
            return t('notOpen');
        case 'room_locked':
            return t('doorLocked');
        case 'room_full':
            return t('classFull');
        case 'bad_field':
            return t('oddName');
        case 'closed':
        case 'offline':
        case 'unreachable':
            return t('notThrough');
        case 'unavailable':
        case 'draining':
        case 'rate_limited':
        case 'too_many_attempts':
            return t('serverBusy');
        case 'guest_unavailable':
            return t('noGuests');
        case 'removed':
            return t('youWereRemoved');
        default:
            return t('notTold', { why: code });
    }
}

export function Tell({ room, result }: TellProps): JSX.Element {
    const [name, setName] = useState(() => device.get<string>(NAME) ?? '');
    const [wrong, setWrong] = useState(false);
    const [stage, setStage] = useState<'idle' | 'telling' | 'told'>('idle');
    const [failure, setFailure] = useState<string | null>(null);
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        const clean = name.trim();
        const bad = clean === '' || [...clean].length > 64;
        setWrong(bad);
        if (bad || !result || stage === 'telling') return;
        device.set(NAME, clean);
        setStage('telling');
        setFailure(null);
        const code = await tellTeacher(BASE, room, clean, t('checkSuffix'), result);
        setStage(code === null ? 'told' : 'idle');
        setFailure(code);
    };
    const cut = result !== null && result.ws !== 'ok' && result.fallback !== 'ok';
    return (
        <section class="check-tell" aria-labelledby="tell">
            <h2 id="tell">{t('tellTitle')}</h2>
            <p class="hint">{t(cut ? 'cannotTell' : 'tellLead', { code: room })}</p>
            {!cut && (
                <form onSubmit={(event) => void submit(event)} noValidate>
                    <Field
                        label={t('yourName')}
                        error={wrong ? t('badName') : undefined}
                        value={name}
                        onValue={setName}
                        input={{
                            name: 'name',
                            placeholder: t('nameHint'),
                            autocomplete: 'name',
                        }}
                    />
                    <button
                        type="submit"
                        class="primary wide"
                        disabled={result === null || stage === 'telling'}
                    >
                        {t('tell')}
                    </button>
                </form>
            )}
            {failure !== null && (
                <p class="alert" role="alert">
                    {whyText(failure)}
                </p>
            )}
            <p class="state state-good" role="status">
                {stage === 'telling' && t('telling')}
                {stage === 'told' && t('told')}
            </p>
        </section>
    );
}
