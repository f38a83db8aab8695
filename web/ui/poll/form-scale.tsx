/** The steps of a scale, and what its ends are called. */

import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import { POLL_LIMITS } from '../model/poll';
import { about } from './form-part';
import type { Described, PartProps } from './form-part';
import { t } from './strings';

interface StepProps {
    label: string;
    value: number | null;
    from: number;
    to: number;
    described: Described;
    onChange(value: number): void;
}

function Step({ label, value, from, to, described, onChange }: StepProps): JSX.Element {
    const id = useId();
    const steps = Array.from({ length: to - from + 1 }, (_, step) => from + step);
    return (
        <div class="field">
            <label for={id}>{label}</label>
            <select
                {...described}
                id={id}
                value={value === null ? '' : String(value)}
                onChange={(event) => onChange(Number(event.currentTarget.value))}
            >
                {value === null && <option value="" />}
                {steps.map((step) => (
                    <option key={step} value={String(step)}>
                        {step}
                    </option>
                ))}
            </select>
        </div>
    );
}

interface LabelProps {
    label: string;
    example: string;
    value: string;
    onInput(value: string): void;
}

function StepLabel({ label, example, value, onInput }: LabelProps): JSX.Element {
    const id = useId();
    return (
        <div class="field">
            <label for={id}>{label}</label>
            <input
                id={id}
                maxLength={POLL_LIMITS.option}
                autocomplete="off"
                placeholder={example}
                value={value}
                onInput={(event) => onInput(event.currentTarget.value)}
            />
        </div>
    );
}

export function ScaleFields({ draft, problem, change }: PartProps): JSX.Element {
    const { min, max, minLabel, maxLabel, rightStep, quiz } = draft;
    const step = { from: 0, to: POLL_LIMITS.scale, described: about(problem, 'scale') };
    const inRange = rightStep !== null && rightStep >= min && rightStep <= max ? rightStep : null;
    return (
        <div class="scale-fields">
            <Step {...step} label={t('from')} value={min} onChange={(to) => change({ min: to })} />
            <StepLabel
                label={t('fromLabel')}
                example={t('fromExample')}
                value={minLabel}
                onInput={(text) => change({ minLabel: text })}
            />
            <Step {...step} label={t('to')} value={max} onChange={(to) => change({ max: to })} />
            <StepLabel
                label={t('toLabel')}
                example={t('toExample')}
                value={maxLabel}
                onInput={(text) => change({ maxLabel: text })}
            />
            {quiz && min < max && (
                <Step
                    label={t('rightStep')}
                    value={inRange}
                    from={min}
                    to={max}
                    described={about(problem, 'right')}
                    onChange={(to) => change({ rightStep: to })}
                />
            )}
        </div>
    );
}
