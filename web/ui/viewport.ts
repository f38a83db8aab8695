/**
 * The part of the window that the on-screen keyboard leaves, as the custom property
 * `--visible-height`. Browsers that resize the page for the keyboard need no help; iOS covers the
 * page instead, and would hide the line one writes on.
 */

/** Returns the function that stops following. */
export function followKeyboard(): () => void {
    const viewport = window.visualViewport;
    if (!viewport) return () => {};
    const root = document.documentElement;
    const follow = (): void => {
        // Zoomed in, the visible part is a piece of the page, and not what the keyboard left.
        const covered = viewport.scale <= 1.01 && window.innerHeight - viewport.height > 80;
        if (covered) root.style.setProperty('--visible-height', `${viewport.height}px`);
        else root.style.removeProperty('--visible-height');
        if (covered && viewport.offsetTop > 0) window.scrollTo(0, 0);
    };
    viewport.addEventListener('resize', follow);
    viewport.addEventListener('scroll', follow);
    follow();
    return () => {
        viewport.removeEventListener('resize', follow);
        viewport.removeEventListener('scroll', follow);
        root.style.removeProperty('--visible-height');
    };
}
