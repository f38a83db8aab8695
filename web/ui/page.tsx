/** Starts a page: its language, its title, and the component that fills it. */

import { render } from 'preact';
import type { ComponentType, JSX } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { useLanguage } from './hooks';
import './style.css';

interface RootProps {
    title(): string;
    App: ComponentType;
}

/** Drawn anew with each switch of language, and with it all that says something by `t()`. */
function Root({ title, App }: RootProps): JSX.Element {
    const language = useLanguage();
    // Before the page's own effects: it may have more to say in its title.
    useLayoutEffect(() => {
        document.documentElement.lang = language;
        document.title = `${title()} · Lectern`;
    }, [language]);
    return <App />;
}

export function startPage(title: () => string, App: ComponentType): void {
    render(<Root title={title} App={App} />, document.getElementById('app')!);
}

/** A code as people type it: any case, with blanks or dashes. */
export function cleanCode(text: string): string {
    return text.toUpperCase().replace(/[\s-]/g, '');
}

export const CODE = /^[A-Z0-9]{4,12}$/;

/** The server that the page came from. */
export const BASE = location.origin;
