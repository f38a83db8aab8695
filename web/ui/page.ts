/** Starts a page: its language, its title, and the component that fills it. */

import { render } from 'preact';
import type { VNode } from 'preact';
import './style.css';
import { language, t } from './strings';
import type { StringKey } from './strings';

export function startPage(title: StringKey, content: VNode): void {
    document.documentElement.lang = language;
    document.title = `${t(title)} · Lectern`;
    render(content, document.getElementById('app')!);
}

/** A code as people type it: any case, with blanks or dashes. */
export function cleanCode(text: string): string {
    return text.toUpperCase().replace(/[\s-]/g, '');
}

export const CODE = /^[A-Z0-9]{4,12}$/;

/** The server that the page came from. */
export const BASE = location.origin;
