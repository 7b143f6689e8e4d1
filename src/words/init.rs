//! What `amparo init` asks and says, and the comments of the file it writes.
