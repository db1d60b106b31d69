package replay

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// A Network is the way between client and server.
type Network struct {
	Name      string
	RoundTrip time.Duration
	Bandwidth float64 // bits a second towards the client, of all connections together; 0 is unlimited
}

// Networks are those that a run can choose from.
func Networks() []Network {
	return []Network{
		{"none", 0, 0},
		{"1ms", time.Millisecond, 10e9},
		{"10ms", 10 * time.Millisecond, 1e9},
		{"40ms", 40 * time.Millisecond, 100e6},
	}
}

// NetworkOf returns the network of that name.
func NetworkOf(name string) (Network, error) {
	for _, n := range Networks() {
		if n.Name == name {
			return n, nil
		}
	}
	return Network{}, fmt.Errorf("no network %q; want none, 1ms, 10ms or 40ms", name)
}

// Send returns how long n bytes occupy the link.
func (n Network) Send(bytes int64) time.Duration {
	if n.Bandwidth == 0 {
		return 0
	}
	return time.Duration(float64(bytes) * 8 / n.Bandwidth * float64(time.Second))
}

// link is a Network in use: connections share it.
type link struct {
	mu   sync.Mutex
	net  Network
	free time.Time // when the last byte given to it has been sent
}

func (l *link) set(n Network) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.net = n
}

// due is when n bytes that are written now arrive; zero is at once. A connection's first bytes wait for the round trip
// of TCP's handshake besides.
func (l *link) due(n int, first bool) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.net.RoundTrip == 0 && l.net.Bandwidth == 0 {
		return time.Time{}
	}
	now := time.Now()
	if first {
		now = now.Add(l.net.RoundTrip)
	}
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(l.net.Send(int64(n)))
	return l.free.Add(l.net.RoundTrip)
}

// slowListener gives the connections of a listener the delays of a link.
type slowListener struct {
	net.Listener
	link *link
}

func (l *slowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s := &slowConn{Conn: c, link: l.link, packets: make(chan packet, 4096), done: make(chan struct{})}
	go s.deliver()
	return s, nil
}

// slowConn delays what is written to it. Writes succeed at once, as into a socket's buffer.
type slowConn struct {
	net.Conn
	link    *link
	started bool
	mu      sync.Mutex // held while writing or closing
	closed  bool
	packets chan packet
	done    chan struct{}
}

type packet struct {
	due  time.Time
	data []byte
}

func (c *slowConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	due := c.link.due(len(b), !c.started)
	c.started = true
	select {
	case c.packets <- packet{due, append([]byte(nil), b...)}:
		return len(b), nil
	case <-c.done:
		return 0, net.ErrClosed
	}
}

// deliver sends each packet when it is due. Those of one connection are due in their order.
func (c *slowConn) deliver() {
	defer close(c.done)
	defer c.Conn.Close()
	for p := range c.packets {
		if wait := time.Until(p.due); wait > 0 {
			time.Sleep(wait)
		}
		if _, err := c.Conn.Write(p.data); err != nil {
			return
		}
	}
}

// Close ends the connection when all that was written is sent.
func (c *slowConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.packets)
	}
	return nil
}
