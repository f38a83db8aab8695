/** The connection check: `/check/`, or `/check/?room=CODE` to let that class's teacher know. */

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { environment } from '../client';
import { LanguageSwitch } from '../ui/language';
import { BASE, CODE, cleanCode, startPage } from '../ui/page';
import { browserName, probeFallback, probeHttp, probeSocket } from './probe';
import type { HttpReason, Trip, WsReason } from './probe';
import type { Result } from './report';
import { t } from './strings';
import type { StringKey } from './strings';
import { Tell } from './tell';

/** Round trips that a class notices, ms. */
const SLOW = 400;

const HTTP_TEXT: Record<Exclude<HttpReason, 'ok'>, StringKey> = {
    unreachable: 'httpUnreachable',
    intercepted: 'httpIntercepted',
    trouble: 'httpTrouble',
};

const WS_TEXT: Record<Exclude<WsReason, 'ok'>, StringKey> = {
    timeout: 'wsTimeout',
    refused: 'wsRefused',
    cut: 'wsCut',
    silent: 'wsSilent',
    altered: 'wsAltered',
};

interface Progress {
    http: HttpReason | null;
    trip: Trip | null;
    fallback: Trip | null;
}

const NOTHING: Progress = { http: null, trip: null, fallback: null };

type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'none';

/** The whole check, told step by step. */
function useCheck(): { progress: Progress; again: () => void } {
    const [progress, setProgress] = useState<Progress>(NOTHING);
    const run = useRef(0);
    const start = async (): Promise<void> => {
        const mine = (run.current += 1);
        const env = environment();
        setProgress(NOTHING);
        const http = await probeHttp(env, BASE);
        if (mine !== run.current) return;
        setProgress({ ...NOTHING, http });
        if (http === 'unreachable') return;
        // Also where another answered: some proxies meddle with pages only.
        const trip = await probeSocket(env, BASE);
        if (mine !== run.current) return;
        setProgress({ http, trip, fallback: null });
        const fallback = await probeFallback(env, BASE);
        if (mine !== run.current) return;
        setProgress({ http, trip, fallback });
        // What was found serves the next page, and the one that tells the teacher.
        if (trip.ws !== 'ok' && fallback.ws === 'ok') env.memory.set(String(env.now()));
    };
    useEffect(() => {
        void start();
        return () => {
            run.current += 1;
        };
    }, []);
    return { progress, again: () => void start() };
}

function verdict({ http, trip, fallback }: Progress): { tone: Tone; text: StringKey } {
    if (http === 'unreachable') return { tone: 'bad', text: 'httpUnreachable' };
    if (http === null || trip === null || fallback === null) return { tone: 'busy', text: 'running' };
    if (trip.ws === 'ok') {
        return (trip.rttMs ?? 0) > SLOW
            ? { tone: 'warn', text: 'slow' }
            : { tone: 'good', text: 'good' };
    }
    if (fallback.ws === 'ok') return { tone: 'warn', text: 'byFallback' };
    return { tone: 'bad', text: http === 'ok' ? WS_TEXT[trip.ws] : HTTP_TEXT[http] };
}

interface StepProps {
    name: StringKey;
    tone: Tone;
    text: string;
}

const SIGNS: Record<Tone, string> = { good: '✓', warn: '!', bad: '✕', busy: '…', none: '–' };

function Step({ name, tone, text }: StepProps): JSX.Element {
    return (
        <li class={`check-step check-${tone}`}>
            <span class="check-sign" aria-hidden="true">
                {SIGNS[tone]}
            </span>
            <span class="check-name">{t(name)}</span>
            <span class="check-text">{text}</span>
        </li>
    );
}

/** No round trip takes no time. */
function whole(ms: number): number {
    return Math.max(1, Math.round(ms));
}

function Steps({ progress: { http, trip, fallback } }: { progress: Progress }): JSX.Element {
    const skipped = http === 'unreachable';
    const state = (value: 'ok' | string | null): Omit<StepProps, 'name'> => {
        if (value === null && skipped) return { tone: 'none', text: t('stateSkipped') };
        if (value === null) return { tone: 'busy', text: t('stateRunning') };
        return value === 'ok'
            ? { tone: 'good', text: t('stateOk') }
            : { tone: 'bad', text: t('stateBad') };
    };
    const times = trip?.rttMs != null && trip.rttMaxMs !== null;
    const lost = trip?.ws !== 'ok' && trip?.lost ? ` · ${t('lost', { count: trip.lost })}` : '';
    return (
        <ol class="check-steps">
            <Step name="stepHttp" {...state(http)} />
            <Step name="stepWs" {...state(trip?.ws ?? null)} />
            {times ? (
                <Step
                    name="stepRtt"
                    tone={trip.ws !== 'ok' ? 'bad' : trip.rttMs! > SLOW ? 'warn' : 'good'}
                    text={t('rtt', { ms: whole(trip.rttMs!), max: whole(trip.rttMaxMs!) }) + lost}
                />
            ) : (
                <Step
                    name="stepRtt"
                    {...(trip ? { tone: 'none', text: t('stateSkipped') } : state(null))}
                />
            )}
            <Step name="stepFallback" {...state(fallback?.ws ?? null)} />
        </ol>
    );
}

const room = cleanCode(new URLSearchParams(location.search).get('room') ?? '');

function App(): JSX.Element {
    const { progress, again } = useCheck();
    const { tone, text } = verdict(progress);
    const browser = browserName(navigator.userAgent);
    const done = tone !== 'busy';
    const { http, trip, fallback } = progress;
    const result: Result | null = done
        ? {
              http: http ?? 'unreachable',
              ...(trip ?? { ws: 'refused', rttMs: null, rttMaxMs: null, lost: 0 }),
              browser,
              fallback: fallback?.ws ?? 'none',
          }
        : null;
    return (
        <main class="card check-page">
            <div class="row check-bar">
                <h1>{t('title')}</h1>
                <LanguageSwitch />
            </div>
            <p class="lead">{t('lead')}</p>
            <p class={`check-verdict check-${tone}`} role="status">
                {t(text)}
            </p>
            <Steps progress={progress} />
            {done && http === 'ok' && trip?.ws !== 'ok' && (
                <p class="check-admin">
                    {t('forAdmin', { address: `${BASE.replace(/^http/, 'ws')}/` })}
                </p>
            )}
            <p class="hint">{t('device', { browser })}</p>
            <button type="button" class="wide" disabled={!done} onClick={again}>
                {t('again')}
            </button>
            {CODE.test(room) && <Tell room={room} result={result} />}
        </main>
    );
}

startPage(() => t('title'), App);
