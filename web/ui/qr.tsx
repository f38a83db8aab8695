/**
 * A QR code as an inline picture: dark on white with its quiet zone in either colour scheme, since
 * cameras expect it so.
 */

import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import qrcode from 'qrcode-generator';

/** Modules left white on each side (ISO/IEC 18004). */
const QUIET = 4;

/** One path of all dark modules, a run of them at a time. */
function draw(text: string): { size: number; path: string } {
    // The smallest that fits, with 15 % of it readable again when dirt or glare covers it.
    const code = qrcode(0, 'M');
    code.addData(text);
    code.make();
    const count = code.getModuleCount();
    const runs: string[] = [];
    for (let row = 0; row < count; row += 1) {
        for (let column = 0; column < count; column += 1) {
            const start = column;
            while (column < count && code.isDark(row, column)) column += 1;
            const length = column - start;
            if (length > 0) runs.push(`M${start + QUIET} ${row + QUIET}h${length}v1h-${length}z`);
        }
    }
    return { size: count + 2 * QUIET, path: runs.join('') };
}

interface QRProps {
    /** What it says; ASCII, such as an address. */
    text: string;
    /** What it is, for those who cannot see it. */
    label: string;
}

export function QR({ text, label }: QRProps): JSX.Element {
    const { size, path } = useMemo(() => draw(text), [text]);
    return (
        <svg
            class="qr"
            role="img"
            aria-label={label}
            viewBox={`0 0 ${size} ${size}`}
            shape-rendering="crispEdges"
        >
            <rect width={size} height={size} fill="#fff" />
            <path d={path} fill="#000" />
        </svg>
    );
}
