/**
 * store: what is true now.
 *
 * Owns the embedded database, its migrations, transactions, and the change feed that replicas follow.
 * Never interprets what it holds, and never lets a write pass without a row in the feed.
 */
export { openStore, type Store, type StoreTransaction } from './store.ts';
