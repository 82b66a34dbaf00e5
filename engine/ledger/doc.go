// Package ledger is double-entry bookkeeping: accounts, postings, journals.
//
// A posting is one signed line on one account: + credits it, − debits it, in
// minor units. A journal is a set of postings that sum to zero per currency and
// is written whole or not at all. Assets and expenses therefore carry negative
// sums, liabilities and income positive ones.
//
// The book is append only. A mistake is answered by Reverse, the exact negation
// under a cause of its own; nothing here can change or remove a line.
package ledger
