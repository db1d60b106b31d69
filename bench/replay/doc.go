// Package replay records a slice of a package index once and serves it as often as wanted: for benchmarks, and for
// tests that want true pages without a network.
//
// # What is recorded, and what is made
//
// Recorded are the files of a package as the Simple API lists them, the METADATA of the wheels that somebody asked for,
// and whole source distributions where somebody did. All that is served is made of that, by a [Profile]:
//
//   - pages of the Simple API, in JSON (PEP 691) and HTML (PEP 503); core-metadata (PEP 714) with its hash
//   - /pypi/NAME/json and /pypi/NAME/VERSION/json, from the list of files and the METADATA of that version
//   - FILE.metadata
//   - byte ranges of wheels, from stand-ins of the true size that end in the true METADATA
//
// What was not recorded is made up where only its size matters: MD5 sums, and the hashes of METADATA that nobody
// asked for. A request for such METADATA is answered with 404 and counted in [Counts.Missed], since a run with a
// miss says nothing.
//
// # The network
//
// [Server] speaks TLS and HTTP/2 on two ports, one for pages and one for files, as PyPI has two hosts. A [Network] delays
// every byte to the client by a round trip, sends all connections through one link of a bandwidth, and lets a new
// connection wait one round trip more, for TCP. The handshake of TLS costs what its flights cost. Not modelled: TCP's
// slow start, loss, the way from client to server.
package replay
