package index

import (
	"context"

	"github.com/pylock-dev/pylock/pypi"
)

// Place is one index, or one page or folder of files, of a client: what it is asked for comes from there and from nowhere
// else. It is safe for concurrent use.
type Place struct {
	client *Client
	at     *repository
}

// At returns the place of an address of Options.Places, nil for any other; one address is always the same place.
func (c *Client) At(address string) *Place { return c.places[address] }

// Project is [Client.Project].
func (p *Place) Project(ctx context.Context, name pypi.Name) (*Project, error) {
	return p.client.projectOf(ctx, p.at, name)
}

// Versions is [Client.Versions].
func (p *Place) Versions(ctx context.Context, name pypi.Name, pins []Pinned) (*Project, error) {
	return p.client.versionsOf(ctx, p.at, name, pins)
}

// MetadataOf is [Client.MetadataOf].
func (p *Place) MetadataOf(ctx context.Context, of *Project, r *Release, f *File) (*Metadata, error) {
	return p.client.MetadataOf(ctx, of, r, f)
}
