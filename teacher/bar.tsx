/**
 * The bar above the class: leaving at its beginning, ending at its end, as far apart as they can
 * be, and the switches in between.
 */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Confirm } from '../web/ui/confirm';
import { Field } from '../web/ui/field';
import { useFirstFocus, useNow } from '../web/ui/hooks';
import { LanguageSwitch } from '../web/ui/language';
import { nameTrouble } from '../web/ui/names';
import { describe } from '../web/ui/describe';
import { StateLine } from '../web/ui/state-line';
import { countdown } from '../web/ui/strings';
import { ChecksDialog } from './checks';
import { HOLD } from './class';
import type { RoomProps } from './class';
import { Dialog } from '../web/ui/dialog';
import { Icon } from '../web/ui/icons';
import { Records } from './records';
import { t } from './strings';
import { TakeOver } from './take-over';

interface BarProps extends RoomProps {
    /** False where the connection is closed for good. */
    active: boolean;
    /** Does something that the server may refuse. */
    onCommand(command: Promise<unknown>): void;
}

export function Bar(props: BarProps): JSX.Element {
    const { classroom, snapshot, active, onCommand } = props;
    const { settings, room, state } = snapshot;
    const { client } = classroom;
    const heading = useFirstFocus<HTMLHeadingElement>();
    const open = active && state.name === 'open';
    const locked = settings?.locked ?? false;
    const talking = settings?.talk === 'all';
    return (
        <header class="bar teacher-bar">
            {active && (
                <Leave snapshot={snapshot} pending={client.pending} onLeave={props.onLeave} />
            )}
            <div class="bar-title">
                <h1 ref={heading} tabIndex={-1}>
                    {settings?.name || t('unnamedClass', { code: room ?? '' })}
                </h1>
                <div class="bar-state">
                    <StateLine state={snapshot.state} describe={describe} />
                    <TimeLeft snapshot={snapshot} />
                </div>
            </div>
            {active && (
                <div class="switches">
                    <Switch
                        label={t('letTalk')}
                        on={talking}
                        disabled={!open}
                        onChange={() =>
                            onCommand(client.updateSettings({ talk: talking ? 'teacher' : 'all' }))
                        }
                    />
                    <Switch
                        label={t('lockDoor')}
                        on={locked}
                        disabled={!open}
                        onChange={() => onCommand(locked ? client.unlock() : client.lock())}
                    />
                    <Menu {...props} />
                </div>
            )}
            {active && <End {...props} />}
        </header>
    );
}

/** While the connection is lost: how long the class waits for its teacher. */
function TimeLeft({ snapshot }: Pick<BarProps, 'snapshot'>): JSX.Element | null {
    const { state, settings } = snapshot;
    const lost = settings !== null && (state.name === 'waiting' || state.name === 'connecting');
    const since = useRef<number | null>(null);
    if (!lost) since.current = null;
    else since.current ??= Date.now();
    const now = useNow(lost);
    if (since.current === null || settings === null) return null;
    const time = countdown(since.current + settings.hold * 1000 - now);
    return <p class="time-left">{t('studentsWait', { time })}</p>;
}

interface SwitchProps {
    label: string;
    on: boolean;
    disabled: boolean;
    onChange(): void;
}

function Switch({ label, on, disabled, onChange }: SwitchProps): JSX.Element {
    return (
        <button
            type="button"
            class="switch"
            role="switch"
            aria-checked={on}
            disabled={disabled}
            onClick={onChange}
        >
            <span class="switch-track" aria-hidden="true" />
            {label}
        </button>
    );
}

interface LeaveProps extends Pick<BarProps, 'snapshot' | 'onLeave'> {
    /** What is on its way and would be given up. */
    pending: number;
}

function Leave({ snapshot, pending, onLeave }: LeaveProps): JSX.Element {
    const [asking, setAsking] = useState(false);
    const minutes = Math.round((snapshot.settings?.hold ?? HOLD) / 60);
    return (
        <>
            <button type="button" class="leave" onClick={() => setAsking(true)}>
                <Icon name="back" />
                {t('leaveClass')}
            </button>
            {asking && (
                <Confirm
                    question={[
                        pending > 0 && t('leaveUnsent', { count: pending }),
                        t('leaveAsk', { minutes }),
                    ]
                        .filter(Boolean)
                        .join(' ')}
                    action={t('leaveClass')}
                    onCancel={() => setAsking(false)}
                    onConfirm={onLeave}
                />
            )}
        </>
    );
}

function End({ classroom, snapshot, onCommand }: BarProps): JSX.Element {
    const [asking, setAsking] = useState(false);
    const count = snapshot.roster.here;
    return (
        <>
            <button type="button" class="danger end" onClick={() => setAsking(true)}>
                {t('endClass')}
            </button>
            {asking && (
                <Confirm
                    question={t(count === 1 ? 'endAskOne' : 'endAsk', { count })}
                    action={t('endClass')}
                    onCancel={() => setAsking(false)}
                    onConfirm={() => {
                        setAsking(false);
                        onCommand(classroom.client.end());
                    }}
                />
            )}
        </>
    );
}

type Entry = 'rename' | 'otherDevice' | 'connectionCheck' | 'records';
const ENTRIES: readonly Entry[] = ['rename', 'otherDevice', 'connectionCheck', 'records'];

/** What is wanted now and then. */
function Menu(props: BarProps): JSX.Element {
    const [open, setOpen] = useState(false);
    const [entry, setEntry] = useState<Entry | null>(null);
    const box = useRef<HTMLDivElement>(null);
    const button = useRef<HTMLButtonElement>(null);
    useEffect(() => {
        if (!open) return undefined;
        const outside = (event: Event): void => {
            if (!box.current?.contains(event.target as Node)) setOpen(false);
        };
        document.addEventListener('pointerdown', outside);
        return () => document.removeEventListener('pointerdown', outside);
    }, [open]);
    const onKeyDown = (event: KeyboardEvent): void => {
        if (event.key !== 'Escape' || !open) return;
        setOpen(false);
        button.current?.focus();
    };
    const choose = (next: Entry): void => {
        setOpen(false);
        // The dialog gives the focus back to the button, for the entry is gone.
        button.current?.focus();
        setEntry(next);
    };
    const { snapshot, token } = props;
    const { room, checks, names } = snapshot;
    const onClose = (): void => setEntry(null);
    return (
        <div class="menu" ref={box} onKeyDown={onKeyDown}>
            <button
                type="button"
                ref={button}
                aria-expanded={open}
                onClick={() => setOpen(!open)}
            >
                {t('more')} <Icon name="chevron" />
            </button>
            {open && (
                <div class="menu-list">
                    {ENTRIES.map((each) => (
                        <button key={each} type="button" onClick={() => choose(each)}>
                            {t(each)}
                            {each === 'connectionCheck' && checks.length > 0 && (
                                <span class="badge">{checks.length}</span>
                            )}
                        </button>
                    ))}
                    <div class="menu-foot">
                        <LanguageSwitch />
                    </div>
                </div>
            )}
            {entry === 'rename' && <Rename {...props} onClose={onClose} />}
            {entry === 'otherDevice' && room !== null && (
                <TakeOver room={room} token={token} onClose={onClose} />
            )}
            {entry === 'connectionCheck' && room !== null && (
                <ChecksDialog room={room} checks={checks} names={names} onClose={onClose} />
            )}
            {entry === 'records' && room !== null && (
                <Dialog title={t('records')} onClose={onClose}>
                    <p>{t('recordsSoFar')}</p>
                    <Records of={{ token, room }} />
                </Dialog>
            )}
        </div>
    );
}

function Rename({
    classroom,
    snapshot,
    onCommand,
    onClose,
}: BarProps & { onClose(): void }): JSX.Element {
    const [name, setName] = useState(snapshot.settings?.name ?? '');
    const [wrong, setWrong] = useState<ReturnType<typeof nameTrouble>>(null);
    const submit = (event: Event): void => {
        event.preventDefault();
        const title = name.trim();
        const trouble = nameTrouble(title);
        setWrong(trouble);
        if (trouble !== null) return;
        onCommand(classroom.client.updateSettings({ name: title }));
        onClose();
    };
    return (
        <Dialog title={t('rename')} onClose={onClose}>
            <form class="stack" onSubmit={submit} noValidate>
                <Field
                    label={t('className')}
                    error={wrong ? t(wrong === 'odd' ? 'oddClassName' : 'badClassName') : undefined}
                    value={name}
                    onValue={setName}
                    input={{ name: 'name', autocomplete: 'off' }}
                />
                <Row>
                    <button type="button" onClick={onClose}>
                        {t('cancel')}
                    </button>
                    <button type="submit" class="primary">
                        {t('save')}
                    </button>
                </Row>
            </form>
        </Dialog>
    );
}

function Row({ children }: { children: ComponentChildren }): JSX.Element {
    return <div class="row row-end">{children}</div>;
}
