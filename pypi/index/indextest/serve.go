package indextest

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"testing"
)

// A Server is a Handler on a port of the loopback interface.
type Server struct {
	URL string // without a closing slash; the index is at URL + "/simple/"
	*Handler
	server *httptest.Server
}

// Serve starts a server that ends with the test.
func Serve(t testing.TB, u *Universe, p Profile) *Server {
	t.Helper()
	h := u.Handler(p)
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the faults of tests are no news
	if p.TLS {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return &Server{URL: server.URL, Handler: h, server: server}
}

// SimpleURL is the address of the index.
func (s *Server) SimpleURL() string {
	return s.URL + "/simple/"
}

// Certificate is the server's own certificate authority as PEM, or nil without TLS.
func (s *Server) Certificate() []byte {
	c := s.server.Certificate()
	if c == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// Close ends the server before the test does, as an outage.
func (s *Server) Close() {
	s.server.CloseClientConnections()
	s.server.Close()
}
