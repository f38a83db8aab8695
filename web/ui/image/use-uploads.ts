/** The uploads of a page that is in a class. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import { environment, uploadImage } from '../../client';
import type { ImageFile } from '../../client';
import type { Classroom } from '../classroom';
import { BASE } from '../page';
import { prepareImage } from './prepare';
import { Uploads } from './uploads';

/**
 * Uploads while the component is there: drawn anew with each change, and going on when the network
 * is back, or the connection, which `onConnected` tells of.
 */
export function useHere(
    uploads: Uploads<any>,
    onConnected: (resume: () => void) => () => void,
): void {
    const [, draw] = useState(0);
    useEffect(() => {
        const resume = (): void => uploads.resume();
        const offs = [
            uploads.subscribe(() => draw((count) => count + 1)),
            onConnected(resume),
            () => window.removeEventListener('online', resume),
        ];
        window.addEventListener('online', resume);
        return () => {
            for (const off of offs) off();
            uploads.close();
        };
    }, [uploads]);
}

/**
 * `done` gets each image when it is on the server, to send it as a message to whomever it is for.
 */
export function useUploads(
    classroom: Classroom<any>,
    done: (image: ImageFile & { name?: string }, target: string | null) => void,
): Uploads {
    const { client } = classroom;
    const handlers = useMemo(() => ({ done }), [classroom]);
    handlers.done = done;
    const uploads = useMemo(() => {
        const env = environment();
        return new Uploads({
            prepare: prepareImage,
            upload: (blob, onProgress, signal) =>
                uploadImage(env, BASE, client.room ?? '', client.token, blob, {
                    onProgress,
                    signal,
                }),
            done: (image, name, target) =>
                handlers.done(name === '' ? image : { ...image, name }, target),
            preview: (blob) => URL.createObjectURL(blob),
            unpreview: (url) => URL.revokeObjectURL(url),
            online: () => client.state.name === 'open',
            setTimeout: env.setTimeout,
            clearTimeout: env.clearTimeout,
        });
    }, [classroom]);
    useHere(uploads, (resume) => client.on('welcome', resume));
    return uploads;
}
