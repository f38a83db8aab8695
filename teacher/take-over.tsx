/** Going on with the class on another device: a QR code that makes whoever scans it the teacher. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { BASE } from '../web/ui/page';
import { QR } from '../web/ui/qr';
import { Dialog } from '../web/ui/dialog';
import { takeOverLink } from './session';
import { t } from './strings';

interface TakeOverProps {
    room: string;
    token: string;
    onClose(): void;
}

export function TakeOver({ room, token, onClose }: TakeOverProps): JSX.Element {
    const [shown, setShown] = useState(false);
    return (
        <Dialog title={t('otherDevice')} onClose={onClose}>
            <p class="warning">{t('otherDeviceWarning')}</p>
            {shown ? (
                <div class="take-over">
                    <QR text={takeOverLink(BASE, token, room)} label={t('otherDeviceQR')} />
                    <p class="hint">{t('otherDeviceHint')}</p>
                    <button type="button" onClick={() => setShown(false)}>
                        {t('hideCode')}
                    </button>
                </div>
            ) : (
                <button type="button" class="primary" onClick={() => setShown(true)}>
                    {t('showCode')}
                </button>
            )}
        </Dialog>
    );
}
