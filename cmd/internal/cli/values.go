package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/project"
)

// choice is a flag with a closed set of values.
type choice struct {
	value string
	of    []string
	set   bool   // by a flag or a variable, perhaps to the default
	first string // the default, where that is of interest
}

// given reports whether anybody chose the value.
func (c *choice) given() bool { return c.set || c.value != c.first }

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "choice" }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return fmt.Errorf("use one of %s", strings.Join(c.of, ", "))
	}
	c.value, c.set = s, true
	return nil
}

// list is a flag that is repeated, or given once with commas.
type list struct{ values []string }

func (l *list) String() string { return strings.Join(l.values, ",") }
func (l *list) Type() string   { return "list" }

func (l *list) Set(s string) error {
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			l.values = append(l.values, v)
		}
	}
	return nil
}

// inverse sets a flag to the opposite: the last of --x and --no-x wins, as in
// uv.
type inverse struct{ of *bool }

func (i inverse) String() string   { return "false" }
func (i inverse) Type() string     { return "bool" }
func (i inverse) IsBoolFlag() bool { return true }

func (i inverse) Set(s string) error {
	switch s {
	case "true":
		*i.of = false
	case "false":
		*i.of = true
	default:
		return fmt.Errorf("takes no value")
	}
	return nil
}

// assign is a switch that sets a text to a value, such as --pre.
type assign struct {
	of    *string
	value string
}

func (a assign) String() string   { return "false" }
func (a assign) Type() string     { return "bool" }
func (a assign) IsBoolFlag() bool { return true }

func (a assign) Set(s string) error {
	if s != "true" {
		return fmt.Errorf("takes no value")
	}
	*a.of = a.value
	return nil
}

// sw adds a switch with a value of its own.
func sw(f *pflag.FlagSet, v pflag.Value, name, usage string) *pflag.Flag {
	fl := f.VarPF(v, name, "", usage)
	fl.NoOptDefVal = "true"
	return fl
}

// tally is a switch that counts how often it is given. Its type is that of a
// switch, so that the help shows no value.
type tally int

func (c *tally) String() string   { return strconv.Itoa(int(*c)) }
func (c *tally) Type() string     { return "bool" }
func (c *tally) IsBoolFlag() bool { return true }

func (c *tally) Set(s string) error {
	if n, err := strconv.Atoi(s); err == nil {
		*c = tally(n)
		return nil
	}
	on, err := strconv.ParseBool(s)
	switch {
	case err != nil:
		return fmt.Errorf("want true, false or a number, not %q", s)
	case on:
		*c++
	default:
		*c = 0
	}
	return nil
}

// torchValue is --torch-backend.
type torchValue struct{ name string }

func (v *torchValue) String() string { return v.name }
func (v *torchValue) Type() string   { return "backend" }

func (v *torchValue) Set(s string) error {
	name, err := project.ParseTorchBackend(s)
	if err == nil {
		v.name = name
	}
	return err
}
