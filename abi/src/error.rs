//! The two closed lists of errors.
//!
//! [`Error`] is what the kernel says, in the status word of a system call. [`Errno`] is what
//! servers say, in word 0 of a reply; its names and values are FreeBSD's (`sys/errno.h`), so that
//! a C library needs no translation. Each variant carries one sentence for people.

/// Declares a closed error enumeration with numbers and sentences.
macro_rules! errors {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($variant:ident = $number:literal, $label:literal, $sentence:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        #[repr($repr)]
        pub enum $name {
            $(#[doc = $sentence] $variant = $number,)*
        }

        impl $name {
            /// Every variant, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The variant with this number; `None` for 0 (success) and for unknown numbers.
            #[must_use]
            pub const fn from_number(number: u64) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The number on the wire; never 0.
            #[must_use]
            pub const fn number(self) -> u64 {
                self as u64
            }

            /// The conventional symbol, for instance `EAGAIN`.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }

            /// One sentence for a person.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                formatter.write_str(self.sentence())
            }
        }

        impl core::error::Error for $name {}
    };
}

errors! {
    /// What a system call says when it does not do what was asked. 0 on the wire is success.
    Error: u16 {
        UnknownCall = 1, "UNKNOWN_CALL", "No system call has this number.";
        BadCapability = 2, "BAD_CAPABILITY", "The slot is outside the table, empty, or only reserved.";
        WrongKind = 3, "WRONG_KIND", "The capability names an object of another kind.";
        MissingRight = 4, "MISSING_RIGHT", "The capability lacks a right that this call needs.";
        BadArgument = 5, "BAD_ARGUMENT", "An argument is outside its range or has an undefined bit set.";
        BadAddress = 6, "BAD_ADDRESS", "User memory named by an argument is not mapped for this access.";
        NoMemory = 7, "NO_MEMORY", "No frame is free, or the account's limit of frames is reached.";
        NoObjects = 8, "NO_OBJECTS", "The account's limit of objects is reached.";
        NoSlots = 9, "NO_SLOTS", "The capability table is full, or the slot asked for is in use.";
        PeerDied = 10, "PEER_DIED", "Whoever had to answer is gone, or dropped the call.";
        Gone = 11, "GONE", "The object is an empty shell: what it named has been torn down.";
        CallerGone = 12, "CALLER_GONE", "The caller named by the reply token was killed meanwhile.";
        Revoked = 13, "REVOKED", "The identity behind this capability was revoked.";
        BadToken = 14, "BAD_TOKEN", "The reply token names no call that this port has in service.";
        Busy = 15, "BUSY", "The object is in a state in which this cannot be done; it may be later.";
        Overlap = 16, "OVERLAP", "The address range overlaps an existing mapping.";
        NotMapped = 17, "NOT_MAPPED", "The address range holds no mapping.";
        Denied = 18, "DENIED", "The access is never allowed: writable and executable, or execute without a seal.";
        TimedOut = 19, "TIMED_OUT", "The deadline passed before the condition held.";
        Rank = 20, "RANK", "A server may call only towards a lower rank; debug kernels refuse the others.";
        NotSuspended = 21, "NOT_SUSPENDED", "The thread's registers can be used only while it is suspended.";
    }
}

/// Result of a system call.
pub type Result<T> = core::result::Result<T, Error>;

errors! {
    /// What a server says in word 0 of a reply, and what the `tine` library hands to programs.
    /// Names and values are FreeBSD's. 0 on the wire is success.
    Errno: i32 {
        PERM = 1, "EPERM", "Operation not permitted";
        NOENT = 2, "ENOENT", "No such file or directory";
        SRCH = 3, "ESRCH", "No such process";
        INTR = 4, "EINTR", "Interrupted system call";
        IO = 5, "EIO", "Input/output error";
        NXIO = 6, "ENXIO", "Device not configured";
        TOOBIG = 7, "E2BIG", "Argument list too long";
        NOEXEC = 8, "ENOEXEC", "Exec format error";
        BADF = 9, "EBADF", "Bad file descriptor";
        CHILD = 10, "ECHILD", "No child processes";
        DEADLK = 11, "EDEADLK", "Resource deadlock avoided";
        NOMEM = 12, "ENOMEM", "Cannot allocate memory";
        ACCES = 13, "EACCES", "Permission denied";
        FAULT = 14, "EFAULT", "Bad address";
        BUSY = 16, "EBUSY", "Device busy";
        EXIST = 17, "EEXIST", "File exists";
        XDEV = 18, "EXDEV", "Cross-device link";
        NODEV = 19, "ENODEV", "Operation not supported by device";
        NOTDIR = 20, "ENOTDIR", "Not a directory";
        ISDIR = 21, "EISDIR", "Is a directory";
        INVAL = 22, "EINVAL", "Invalid argument";
        NFILE = 23, "ENFILE", "Too many open files in system";
        MFILE = 24, "EMFILE", "Too many open files";
        NOTTY = 25, "ENOTTY", "Inappropriate ioctl for device";
        FBIG = 27, "EFBIG", "File too large";
        NOSPC = 28, "ENOSPC", "No space left on device";
        SPIPE = 29, "ESPIPE", "Illegal seek";
        ROFS = 30, "EROFS", "Read-only file system";
        PIPE = 32, "EPIPE", "Broken pipe";
        RANGE = 34, "ERANGE", "Result too large";
        AGAIN = 35, "EAGAIN", "Resource temporarily unavailable";
        OPNOTSUPP = 45, "EOPNOTSUPP", "Operation not supported";
        TIMEDOUT = 60, "ETIMEDOUT", "Operation timed out";
        NAMETOOLONG = 63, "ENAMETOOLONG", "File name too long";
        NOTEMPTY = 66, "ENOTEMPTY", "Directory not empty";
        NOSYS = 78, "ENOSYS", "Function not implemented";
        OVERFLOW = 84, "EOVERFLOW", "Value too large to be stored in data type";
        CANCELED = 85, "ECANCELED", "Operation canceled";
        NOTCAPABLE = 93, "ENOTCAPABLE", "Capabilities insufficient";
    }
}

impl From<Error> for Errno {
    /// How the `tine` library shows a kernel error to a program (decision record 0004).
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownCall => Self::NOSYS,
            Error::BadCapability | Error::WrongKind | Error::BadToken => Self::BADF,
            Error::MissingRight | Error::Revoked => Self::NOTCAPABLE,
            Error::BadArgument => Self::INVAL,
            Error::BadAddress => Self::FAULT,
            Error::NoMemory => Self::NOMEM,
            Error::NoObjects => Self::AGAIN,
            Error::NoSlots => Self::MFILE,
            Error::PeerDied | Error::Gone => Self::IO,
            Error::CallerGone => Self::SRCH,
            Error::Busy => Self::BUSY,
            Error::Overlap => Self::EXIST,
            Error::NotMapped => Self::NOMEM,
            Error::Denied => Self::ACCES,
            Error::TimedOut => Self::TIMEDOUT,
            Error::Rank => Self::DEADLK,
            Error::NotSuspended => Self::BUSY,
        }
    }
}
