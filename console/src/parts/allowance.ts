import { useMe } from '../query.ts';

/** What a button that changes something gets: for those who may only look it is there, but disabled, and says why. */
export function useAllowance(): { readonly disabled: boolean; readonly title?: string } {
  const me = useMe();
  if (me?.canManage === true) return { disabled: false };
  return { disabled: true, ...(me === undefined ? {} : { title: LOOK_ONLY }) };
}

/** The reason in one line. */
export const LOOK_ONLY = 'You may look, not change: no policy permits you to manage Cordon';
