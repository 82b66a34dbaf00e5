// Package pgembed runs a private PostgreSQL for this process, so that the demo
// and the tests need nothing but Go: no port, no password, no container, and
// the same whether root or an ordinary user runs them.
//
// # What it does
//
// [Start] looks for server programs on the machine (or gets some, when it may),
// makes a cluster once, starts postgres on a Unix socket only we can reach,
// waits until it serves, and makes the wanted database. [Server.Stop] ends it.
// Nothing is lost when the process, the server, or both are killed: with the
// durability settings on, which they are unless [Config.Fast], a commit that was
// answered is there at the next start.
//
// # Words
//
//   - base directory: holds data/ (the cluster), socket/, postgres.log and
//     run.lock. One process at a time owns it, through a lock on run.lock.
//   - account: who runs postgres. PostgreSQL refuses to be root, so root hands
//     it to "postgres" or "nobody"; everybody else runs it as himself.
//   - orphan: a postmaster whose process was killed and which lives on. Linux
//     ends it with its parent; elsewhere the next Start adopts it.
//
// # What never happens here
//
// Nothing listens on the network. No existing cluster of the machine is touched.
// Nothing is downloaded or installed unless [Config.Auto] allows it, and never
// silently. No environment variable is read: the caller decides.
//
// Windows has no Unix accounts to run this on; there Start explains how to point
// DATABASE_URL at a PostgreSQL instead.
package pgembed
