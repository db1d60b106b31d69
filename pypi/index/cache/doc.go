// Package cache keeps records in a folder: bytes under a name, which come back as they were written, or not at all.
// What the bytes mean is the caller's matter; nothing here talks to a network.
//
//	DIR                          $XDG_CACHE_HOME/pylock, or what the user names
//	├── CACHEDIR.TAG             tells backup programs to leave it out, and that the folder is ours
//	├── .gitignore               *
//	└── v2                       the version of this layout and of what records mean; only its owner may write to it
//	    ├── key                  32 random bytes, for the names of buckets of indexes with credentials
//	    ├── pruned               when old records were last removed: its time of change
//	    ├── generation           a word that changes with the answers, see [Store.Generation]
//	    ├── tmp                  files being written
//	    ├── git                  bare copies of git repositories that projects name, each in a folder of its own
//	    └── 9f86d081884c7d65…    a bucket: one index as one user sees it, see [Store.Bucket]
//	        ├── facts            what the index was found to offer
//	        ├── simple           pages of the Simple API
//	        │   └── httpx.rec    the record of a package
//	        ├── json             documents of the JSON API
//	        ├── releases         documents of single versions and metadata of files, those of a package in one pack
//	        ├── archives         metadata of archives that projects name by their address
//	        └── outcomes         what a command came to, by the file that it is about; in a bucket of its own
//
// # Files
//
// A record is its checksum and its bytes. It is written to a temporary file and renamed, without a sync: a file that is
// torn, damaged, of another place or not ours fails its checksum, and is then not there. A pack holds many small records
// under keys, each with a checksum of its own; new ones are appended with a single write, and a pack with a damaged end
// is written anew. Processes share a folder without locks: readers never wait, and of two that write the same record one
// wins. At worst an addition to a pack is lost, and read from the index again.
//
// # Trust
//
// Records decide what gets into a lock. A folder that another user owns, or that everybody may write to, is refused
// ([ErrUntrusted]), and so is one with other files in it ([ErrForeign]). Access goes through [os.Root], so links cannot
// lead out of the folder. Neither names nor records hold credentials.
package cache
