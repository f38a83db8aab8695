/** Events per second and channel, drawn by uPlot; colours are those of the page, light or dark. */

import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useLanguage } from '../ui/hooks';
import type { Desk } from './desk';
import { t } from './strings';

/** How many colours there are; further channels begin again with the first. */
const COLOURS = 6;

/** Drawn anew this often, ms: what it shows changes once a second. */
const EVERY = 1000;

const HEIGHT = 180;

/** Events are counted in whole numbers. */
const WHOLE = [1, 2, 5].flatMap((step) => [1, 10, 100, 1e3, 1e4, 1e5].map((by) => step * by)).sort((a, b) => a - b);

export function colourOf(place: number): string {
    return `var(--chart-${(place % COLOURS) + 1})`;
}

function token(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(width: number, channels: readonly string[], locale: string): uPlot.Options {
    const axis = { stroke: token('--text-2'), grid: { stroke: token('--line'), width: 1 } };
    const clock = new Intl.DateTimeFormat(locale, {
        hour: '2-digit',
        minute: '2-digit',
        hourCycle: 'h23',
    });
    return {
        width,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(1, max)] } },
        axes: [
            // Whole minutes, as many as there is room for.
            { ...axis, size: 30, space: 60, incrs: [60, 120, 300], values: (_, ticks) => ticks.map((at) => clock.format(at * 1000)) },
            { ...axis, size: 40, incrs: WHOLE },
        ],
        series: [
            {},
            ...channels.map((label, place) => ({
                label,
                stroke: token(`--chart-${(place % COLOURS) + 1}`),
                width: 2,
                points: { show: false },
            })),
        ],
    };
}

/** Calls `fn` where the device goes from light to dark, or back. */
function onScheme(fn: () => void): () => void {
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', fn);
    return () => dark.removeEventListener('change', fn);
}

export function Chart({ desk, channels }: { desk: Desk; channels: readonly string[] }): JSX.Element {
    const place = useRef<HTMLDivElement>(null);
    const language = useLanguage();
    const names = channels.join();
    useEffect(() => {
        const element = place.current!;
        const data = (): uPlot.AlignedData => desk.series();
        let plot: uPlot | null = null;
        const draw = (): void => {
            plot?.destroy();
            plot = new uPlot(options(element.clientWidth, channels, language), data(), element);
        };
        draw();
        const timer = setInterval(() => {
            if (document.visibilityState === 'visible') plot?.setData(data());
        }, EVERY);
        const size = new ResizeObserver(() => {
            if (plot && plot.width !== element.clientWidth) {
                plot.setSize({ width: element.clientWidth, height: HEIGHT });
            }
        });
        size.observe(element);
        const off = onScheme(draw);
        return () => {
            clearInterval(timer);
            size.disconnect();
            off();
            plot?.destroy();
        };
    }, [desk, names, language]);
    return <div class="monitor-chart" ref={place} role="img" aria-label={t('chartLabel')} />;
}
