/** Before the class: a token, a name for the class, perhaps a code of one's own. */

import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { tokenClaims } from '../web/client';
import { Field } from '../web/ui/components';
import { CODE, cleanCode } from '../web/ui/page';
import { t } from '../web/ui/strings';
import type { Setup } from './session';
import { tokenName } from './session';

interface TokenFormProps {
    /** Why a token is asked for, where one was there before. */
    problem?: string;
    onToken(token: string): void;
}

export function TokenForm({ problem, onToken }: TokenFormProps): JSX.Element {
    const [text, setText] = useState('');
    const [wrong, setWrong] = useState(false);
    const id = useId();
    const submit = (event: Event): void => {
        event.preventDefault();
        const token = text.replace(/\s/g, '');
        if (tokenClaims(token)) onToken(token);
        else setWrong(true);
    };
    return (
        <form onSubmit={submit} noValidate>
            {problem && (
                <p class="alert" role="alert">
                    {problem}
                </p>
            )}
            <div class="field">
                <label for={id}>{t('token')}</label>
                <textarea
                    id={id}
                    class="token-input"
                    rows={4}
                    value={text}
                    spellcheck={false}
                    autocomplete="off"
                    aria-invalid={wrong || undefined}
                    aria-describedby={`${id}-hint`}
                    onInput={(event) => setText(event.currentTarget.value)}
                />
                <p class="hint" id={`${id}-hint`}>
                    {t('tokenHint')}
                </p>
                {wrong && (
                    <p class="field-error" role="alert">
                        {t('tokenUnreadable')}
                    </p>
                )}
            </div>
            <button class="primary wide" type="submit">
                {t('useToken')}
            </button>
        </form>
    );
}

interface StartProps {
    token: string | null;
    onToken(token: string | null): void;
    onOpen(setup: Setup): void;
}

export function Start({ token, onToken, onOpen }: StartProps): JSX.Element {
    return (
        <main class="card">
            <h1>{t('teacherTitle')}</h1>
            <p class="lead">{t('teacherLead')}</p>
            {token === null ? (
                <TokenForm onToken={onToken} />
            ) : (
                <>
                    <div class="who">
                        <span>{t('welcomeTeacher', { name: tokenName(token) })}</span>
                        <button type="button" class="link" onClick={() => onToken(null)}>
                            {t('otherToken')}
                        </button>
                    </div>
                    <OpenForm onOpen={onOpen} />
                </>
            )}
        </main>
    );
}

function OpenForm({ onOpen }: { onOpen(setup: Setup): void }): JSX.Element {
    const [name, setName] = useState('');
    const [code, setCode] = useState('');
    const [wrong, setWrong] = useState(false);
    const submit = (event: Event): void => {
        event.preventDefault();
        const room = cleanCode(code);
        const title = name.trim();
        setCode(room);
        setWrong(room !== '' && !CODE.test(room));
        if (room !== '' && !CODE.test(room)) return;
        onOpen({ ...(room === '' ? {} : { room }), ...(title === '' ? {} : { name: title }) });
    };
    return (
        <form onSubmit={submit} noValidate>
            <Field
                label={`${t('className')} (${t('optional')})`}
                value={name}
                onValue={setName}
                input={{
                    name: 'name',
                    placeholder: t('classNameHint'),
                    autocomplete: 'off',
                    maxLength: 64,
                    autofocus: true,
                }}
            />
            <Field
                label={`${t('ownCode')} (${t('optional')})`}
                hint={t('ownCodeHint')}
                error={wrong ? t('badRoom') : undefined}
                value={code}
                onValue={setCode}
                input={{
                    class: 'code-input',
                    name: 'code',
                    autocomplete: 'off',
                    autocapitalize: 'characters',
                    spellcheck: false,
                    maxLength: 20,
                }}
            />
            <button class="primary wide" type="submit">
                {t('openClass')}
            </button>
        </form>
    );
}
