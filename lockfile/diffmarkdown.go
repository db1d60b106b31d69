package lockfile

import (
	"fmt"
	"io"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

// DiffMarkdown writes differences for a pull request: a table a lock, and the
// hashes that changed under a version that did not, folded. Links are the
// addresses of changelogs; those that are not http or https are left out.
// Locks that are the same are left out.
func DiffMarkdown(w io.Writer, ds []*Diff, links map[pypi.Name]string) error {
	var b strings.Builder
	for _, d := range ds {
		if d.Same() {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "### %s\n\n%s\n", arrow(d.Name), markdown(d.Summary()))
		if len(d.Settings) > 0 {
			b.WriteByte('\n')
		}
		for _, s := range d.Settings {
			fmt.Fprintf(&b, "- %s: %s\n", markdown(s.What), arrow(s.text()))
		}
		if len(d.Groups) == 0 {
			continue
		}
		b.WriteString("\n| package | change | version | brought by |\n|---|---|---|---|\n")
		for _, g := range d.Groups {
			for _, c := range g.Changes {
				g.markdownRow(&b, &c, links[c.Name])
			}
		}
		d.markdownHashes(&b)
	}
	if b.Len() == 0 {
		b.WriteString("No lock changed.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *Group) markdownRow(b *strings.Builder, c *Change, link string) {
	name := markdown(string(c.Name))
	by := ""
	switch {
	case g.Direct == c.Name:
		name = "**" + name + "**"
		by = markdown(g.askedBy())
	case g.Direct != "":
		by = markdown(string(g.Direct))
		if also := also(c.Also); also != "" {
			by += ", " + markdown(also)
		}
	}
	version := markdown(c.versions())
	if c.Kind == Upgraded || c.Kind == Downgraded {
		version = markdown(c.Before.Version.String()) + " → " + markdown(c.After.Version.String())
	}
	for _, n := range c.notes() {
		version += "<br>" + arrow(n)
	}
	if u := markdownURL(link); u != "" {
		version += " ([changelog](" + u + "))"
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, c.Kind, version, by)
}

func (d *Diff) markdownHashes(b *strings.Builder) {
	var lines []string
	for _, c := range d.Changes() {
		if len(c.HashesAdded)+len(c.HashesRemoved) == 0 {
			continue
		}
		lines = append(lines, " "+string(c.Name)+"=="+c.After.Version.String())
		for _, h := range c.HashesRemoved {
			lines = append(lines, "-    --hash="+h)
		}
		for _, h := range c.HashesAdded {
			lines = append(lines, "+    --hash="+h)
		}
	}
	if lines == nil {
		return
	}
	b.WriteString("\n<details><summary>hashes that changed</summary>\n\n```diff\n")
	for _, l := range lines {
		b.WriteString(strings.ReplaceAll(project.Escape(l), "`", "'"))
		b.WriteByte('\n')
	}
	b.WriteString("```\n\n</details>\n")
}

// markdownSpecial are the characters that mean something within a line to
// Markdown, to HTML in it, or to a forge, which makes links and notices of
// @name, #1 and addresses. No text stands at the beginning of a line, where
// others would count.
var markdownSpecial = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "~", `\~`, "$", `\$`,
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;", "#", "&#35;",
	"://", "&#58;//", "www.", "www&#46;", "WWW.", "WWW&#46;",
)

func markdown(s string) string { return markdownSpecial.Replace(project.Escape(s)) }

// arrow is markdown with the arrow between two states drawn.
func arrow(s string) string { return strings.ReplaceAll(markdown(s), " -&gt; ", " → ") }

// markdownURL returns an address fit for the parentheses of a link, or "".
func markdownURL(u string) string {
	if u = webAddress(u); u == "" {
		return ""
	}
	var b strings.Builder
	for _, c := range []byte(u) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("()<>[]|`\\\"'", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// webAddress returns an address that a browser opens as a page, or "".
func webAddress(u string) string {
	if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
		return u
	}
	return ""
}
