import type { Device, User } from '#model';

/** A person, and the session, as members of an event. */
export function whoText({ id, email, name }: User, sessionId: string | undefined): string {
  const person = JSON.stringify({ uid: id, email_addr: email, name });
  const session = sessionId === undefined ? '' : `,"session":${JSON.stringify({ uid: sessionId })}`;
  return `"user":${person},"actor":{"user":${person}${session}}`;
}

const devices = new WeakMap<Device, string>();

/** A device as a member of an event. */
export function deviceText(device: Device): string {
  const known = devices.get(device);
  if (known !== undefined) return known;
  const text = `"device":${JSON.stringify({ uid: device.id, name: device.name })}`;
  devices.set(device, text);
  return text;
}
