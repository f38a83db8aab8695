/** What the parts of the question's form have in common. */

import type { Draft, Problem } from './draft';

export interface PartProps {
    draft: Draft;
    problem: Problem | null;
    change(changes: Partial<Draft>): void;
}

export interface Described {
    'aria-invalid'?: true;
    'aria-describedby'?: string;
}

/** Described by the problem where it is about that field. */
export function about(problem: Problem | null, ...names: Problem['field'][]): Described {
    return problem && names.includes(problem.field)
        ? { 'aria-invalid': true, 'aria-describedby': 'poll-problem' }
        : {};
}
