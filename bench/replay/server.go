package replay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"
)

// A Server serves a source at two ports of this machine, over TLS with HTTP/2.
type Server struct {
	Index string // address of the Simple API
	CA    []byte // the authority to trust, in PEM
	*Handler

	link    *link
	servers []*http.Server
}

// streams is how many requests a connection of HTTP/2 takes at once, as PyPI's.
const streams = 100

// Serve starts a server of s.
func Serve(s Source, p Profile, n Network) (*Server, error) {
	ca, certificate, err := authority()
	if err != nil {
		return nil, err
	}
	out := &Server{CA: ca, link: &link{net: n}}
	// Two names of this machine, as pages and files have two hosts.
	var listeners []net.Listener
	for range 2 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, &slowListener{l, out.link})
	}
	port := func(i int) int { return listeners[i].Addr().(*net.TCPAddr).Port }
	out.Index = fmt.Sprintf("https://localhost:%d/simple/", port(0))
	out.Handler = NewHandler(s, p, fmt.Sprintf("https://127.0.0.1:%d/", port(1)))
	for _, l := range listeners {
		server := &http.Server{
			Handler:   out.Handler,
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
			HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: streams},
			ErrorLog:  log.New(io.Discard, "", 0), // clients that hang up
		}
		out.servers = append(out.servers, server)
		go server.ServeTLS(l, "", "")
	}
	return out, nil
}

// SetNetwork changes the network of what is sent from now on.
func (s *Server) SetNetwork(n Network) { s.link.set(n) }

// Close ends all connections.
func (s *Server) Close() error {
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.Close())
	}
	return errors.Join(errs...)
}

// authority returns a new authority in PEM and a certificate of it for this machine's names.
func authority() ([]byte, tls.Certificate, error) {
	fail := func(err error) ([]byte, tls.Certificate, error) { return nil, tls.Certificate{}, err }
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	now := time.Now()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pylock replay authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(7 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return fail(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return fail(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key}, nil
}
