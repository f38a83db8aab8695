/** The class's connection checks: the link to hand out, and what they found. */

import type { JSX } from 'preact';
import { isTroubled } from '../web/ui/model/checks';
import type { Check } from '../web/ui/model/checks';
import { LinkLine, checkLink } from './code';
import { Dialog } from '../web/ui/dialog';
import { t } from './strings';
import type { StringKey } from './strings';

interface ChecksProps {
    room: string;
    checks: readonly Check[];
    names: ReadonlyMap<string, string>;
    onClose(): void;
}

/** The check page's codes (docs/pages.md, "Connection check"). */
const REASONS: Record<string, StringKey> = {
    ok: 'checkOk',
    timeout: 'checkTimeout',
    refused: 'checkRefused',
    cut: 'checkCut',
    silent: 'checkSilent',
    altered: 'checkAltered',
};

function reason(code: string): string {
    const key = Object.prototype.hasOwnProperty.call(REASONS, code) ? REASONS[code] : undefined;
    return key ? t(key) : code;
}

const ms = (value: number | null): string => (value === null ? '–' : t('ms', { value }));

export function ChecksDialog({ room, checks, names, onClose }: ChecksProps): JSX.Element {
    const troubled = checks.filter(isTroubled).length;
    // Trouble first.
    const rows = [...checks].sort((a, b) => Number(isTroubled(b)) - Number(isTroubled(a)));
    return (
        <Dialog title={t('connectionCheck')} onClose={onClose}>
            <p>{t('checkLead')}</p>
            <LinkLine link={checkLink(room)} />
            {checks.length === 0 ? (
                <p class="empty">{t('noChecks')}</p>
            ) : (
                <>
                    <p>
                        <strong>
                            {t('checkSum', { fine: checks.length - troubled, troubled })}
                        </strong>
                    </p>
                    <div
                        class="table-box"
                        tabIndex={0}
                        role="region"
                        aria-label={t('connectionCheck')}
                    >
                        <table>
                            <thead>
                                <tr>
                                    <th scope="col">{t('student')}</th>
                                    <th scope="col">{t('checkConnection')}</th>
                                    <th scope="col">{t('checkRtt')}</th>
                                    <th scope="col">{t('checkRttMax')}</th>
                                    <th scope="col">{t('checkLost')}</th>
                                    <th scope="col">{t('checkBrowser')}</th>
                                </tr>
                            </thead>
                            <tbody>
                                {rows.map((check) => (
                                    <tr
                                        key={check.userId}
                                        class={isTroubled(check) ? 'troubled' : undefined}
                                    >
                                        <th scope="row">
                                            {names.get(check.userId) ?? check.userId}
                                        </th>
                                        <td>
                                            <span aria-hidden="true">
                                                {isTroubled(check) ? '⚠ ' : '✓ '}
                                            </span>
                                            {reason(check.ws)}
                                            {check.ws !== 'ok' && check.fallback === 'ok'
                                                ? ` · ${t('checkByFallback')}`
                                                : ''}
                                        </td>
                                        <td>{ms(check.rttMs)}</td>
                                        <td>{ms(check.rttMaxMs)}</td>
                                        <td>{check.lost}</td>
                                        <td>{check.browser}</td>
                                    </tr>
                                ))}
                            </tbody>
                        </table>
                    </div>
                </>
            )}
        </Dialog>
    );
}
