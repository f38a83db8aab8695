/** The choices of a question: typed one after the other, or taken from the ready-made ones. */

import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { POLL_LIMITS } from '../model/poll';
import type { Draft } from './draft';
import { about } from './form-part';
import type { PartProps } from './form-part';
import { letter } from './format';
import { t } from './strings';

export function Options({ draft, problem, change }: PartProps): JSX.Element {
    const list = useRef<HTMLOListElement>(null);
    const focus = useRef<number | null>(null);
    const { options, quiz, kind } = draft;
    useEffect(() => {
        if (focus.current === null) return;
        list.current?.querySelectorAll<HTMLElement>('.option-text')[focus.current]?.focus();
        focus.current = null;
    });
    const setOption = (index: number, changes: Partial<Draft['options'][number]>): void => {
        const single = kind === 'single' && changes.right === true;
        change({
            options: options.map((option, other) => {
                if (other === index) return { ...option, ...changes };
                return single ? { ...option, right: false } : option;
            }),
        });
    };
    const add = (): void => {
        if (options.length >= POLL_LIMITS.options) return;
        focus.current = options.length;
        change({ options: [...options, { text: '', right: false }] });
    };
    const remove = (index: number): void => {
        focus.current = Math.max(0, index - 1);
        change({ options: options.filter((_, other) => other !== index) });
    };
    const onKeyDown = (event: KeyboardEvent, index: number): void => {
        if (event.key !== 'Enter' || event.isComposing) return;
        event.preventDefault();
        if (index === options.length - 1) add();
        else list.current?.querySelectorAll<HTMLElement>('.option-text')[index + 1]?.focus();
    };
    return (
        <div class="field" role="group" aria-label={t('options')}>
            <ol class="options" ref={list}>
                {options.map((option, index) => (
                    <li key={index}>
                        <span class="bar-mark" aria-hidden="true">
                            {letter(index)}
                        </span>
                        <input
                            {...about(problem, 'options')}
                            class="option-text"
                            aria-label={t('option', { number: index + 1 })}
                            maxLength={POLL_LIMITS.option}
                            autocomplete="off"
                            value={option.text}
                            onInput={({ currentTarget }) =>
                                setOption(index, { text: currentTarget.value })
                            }
                            onKeyDown={(event) => onKeyDown(event, index)}
                        />
                        {quiz && (
                            <label class="check option-right">
                                <input
                                    {...about(problem, 'right')}
                                    type="checkbox"
                                    aria-label={t('optionRight', { number: index + 1 })}
                                    checked={option.right}
                                    onChange={(event) =>
                                        setOption(index, { right: event.currentTarget.checked })
                                    }
                                />
                                <span aria-hidden="true">{t('isRight')}</span>
                            </label>
                        )}
                        {options.length > 2 && (
                            <button
                                type="button"
                                class="quiet icon-button"
                                aria-label={t('removeOption', { number: index + 1 })}
                                onClick={() => remove(index)}
                            >
                                ✕
                            </button>
                        )}
                    </li>
                ))}
            </ol>
            <div class="row">
                <button type="button" class="link" disabled={options.length >= 12} onClick={add}>
                    + {t('addOption')}
                </button>
                <Presets {...{ draft, problem, change }} />
            </div>
        </div>
    );
}

/** Choices that nobody should have to type; offered while none is typed. */
function Presets({ draft, change }: PartProps): JSX.Element | null {
    if (draft.options.some(({ text }) => text !== '')) return null;
    const presets = [
        [t('yes'), t('no')],
        ['O', 'X'],
        ['1', '2', '3', '4', '5'],
    ];
    return (
        <div class="row presets" role="group" aria-label={t('presets')}>
            {presets.map((texts) => (
                <button
                    key={texts.join()}
                    type="button"
                    onClick={() =>
                        change({ options: texts.map((text) => ({ text, right: false })) })
                    }
                >
                    {texts.length > 3
                        ? `${texts[0]}–${texts[texts.length - 1]}`
                        : texts.join(' / ')}
                </button>
            ))}
        </div>
    );
}
