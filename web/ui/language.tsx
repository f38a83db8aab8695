/** The switch between the languages. Each is named in itself: readers look for their own. */

import type { JSX } from 'preact';
import { useLanguage } from './hooks';
import { LANGUAGES, setLanguage, t } from './strings';

export function LanguageSwitch(): JSX.Element {
    const language = useLanguage();
    return (
        <div class="language" role="group" aria-label={t('language')}>
            {LANGUAGES.map(({ id, name }) => (
                <button
                    key={id}
                    type="button"
                    lang={id}
                    aria-pressed={id === language}
                    onClick={() => setLanguage(id)}
                >
                    {name}
                </button>
            ))}
        </div>
    );
}
