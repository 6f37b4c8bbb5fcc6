import { encodeFrame, OPCODE } from '#wire';
import { type Exchange, need, type StageResult } from '../exchange.ts';
import { closeClient, offerOf } from '../forward-websocket.ts';
import { closeFrame, FrameBoundary } from '../websocket.ts';

/** Opens a WebSocket that says one thing and then stays, so that a person sees the moment it is cut, and why. */
export function openLive(exchange: Exchange): StageResult {
  const live = need(exchange, 'live');
  const socket = offerOf(exchange).accept(['x-cordon-correlation-id', exchange.correlationId]);
  const { id, since } = live.view;
  socket.write(encodeFrame(OPCODE.text, Buffer.from(JSON.stringify({ connection: id, since }))));
  live.close = (cut): void => {
    exchange.cut = cut;
    closeClient(socket, cut);
  };
  const fromClient = new FrameBoundary();
  const listen = (chunk: Buffer): void => {
    fromClient.feed(chunk);
    if (!fromClient.isClosed || socket.writableEnded) return;
    socket.end(closeFrame(1000, ''));
  };
  socket.on('data', listen);
  socket.once('end', () => socket.end());
  return 'answered';
}
