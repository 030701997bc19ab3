//! Signals: names and numbers, FreeBSD's (`sys/signal.h`).

/// Declares signals with their numbers and sentences.
macro_rules! signals {
    ($($name:ident = $number:literal, $short:literal, $sentence:literal;)*) => {
        $(#[doc = $sentence] pub const $name: u32 = $number;)*

        /// Every signal: number, name without `SIG`, sentence.
        pub const SIGNALS: &[(u32, &str, &str)] = &[$(($number, $short, $sentence)),*];
    };
}

signals! {
    SIGHUP = 1, "HUP", "Hangup";
    SIGINT = 2, "INT", "Interrupt";
    SIGQUIT = 3, "QUIT", "Quit";
    SIGILL = 4, "ILL", "Illegal instruction";
    SIGTRAP = 5, "TRAP", "Trace/BPT trap";
    SIGABRT = 6, "ABRT", "Abort trap";
    SIGEMT = 7, "EMT", "EMT trap";
    SIGFPE = 8, "FPE", "Floating point exception";
    SIGKILL = 9, "KILL", "Killed";
    SIGBUS = 10, "BUS", "Bus error";
    SIGSEGV = 11, "SEGV", "Segmentation fault";
    SIGSYS = 12, "SYS", "Bad system call";
    SIGPIPE = 13, "PIPE", "Broken pipe";
    SIGALRM = 14, "ALRM", "Alarm clock";
    SIGTERM = 15, "TERM", "Terminated";
    SIGURG = 16, "URG", "Urgent I/O condition";
    SIGSTOP = 17, "STOP", "Suspended (signal)";
    SIGTSTP = 18, "TSTP", "Suspended";
    SIGCONT = 19, "CONT", "Continued";
    SIGCHLD = 20, "CHLD", "Child exited";
    SIGTTIN = 21, "TTIN", "Stopped (tty input)";
    SIGTTOU = 22, "TTOU", "Stopped (tty output)";
    SIGIO = 23, "IO", "I/O possible";
    SIGXCPU = 24, "XCPU", "Cputime limit exceeded";
    SIGXFSZ = 25, "XFSZ", "Filesize limit exceeded";
    SIGVTALRM = 26, "VTALRM", "Virtual timer expired";
    SIGPROF = 27, "PROF", "Profiling timer expired";
    SIGWINCH = 28, "WINCH", "Window size changes";
    SIGINFO = 29, "INFO", "Information request";
    SIGUSR1 = 30, "USR1", "User defined signal 1";
    SIGUSR2 = 31, "USR2", "User defined signal 2";
}

/// The name without `SIG`, for instance `TERM`; `None` for an unknown number.
#[must_use]
pub fn name(signal: u32) -> Option<&'static str> {
    SIGNALS.iter().find(|(number, ..)| *number == signal).map(|(_, name, _)| *name)
}

/// What a shell says of a process that the signal ended.
#[must_use]
pub fn sentence(signal: u32) -> &'static str {
    SIGNALS
        .iter()
        .find(|(number, ..)| *number == signal)
        .map_or("Unknown signal", |(_, _, sentence)| *sentence)
}

/// The number of `TERM`, `SIGTERM`, `term` or `15`; also 0, which asks only. `None` otherwise.
#[must_use]
pub fn parse(text: &[u8]) -> Option<u32> {
    if let Some(number) = crate::text::number::<u32>(text) {
        return (number == 0 || name(number).is_some()).then_some(number);
    }
    let bare = match text.get(..3) {
        Some(start) if start.eq_ignore_ascii_case(b"sig") => &text[3..],
        _ => text,
    };
    SIGNALS
        .iter()
        .find(|(_, name, _)| name.as_bytes().eq_ignore_ascii_case(bare))
        .map(|(number, ..)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_consecutive_from_one() {
        for (index, (number, name, _)) in SIGNALS.iter().enumerate() {
            assert_eq!(*number as usize, index + 1, "{name}");
        }
    }

    #[test]
    fn signals_are_named_in_many_ways() {
        for text in ["TERM", "SIGTERM", "sigterm", "term", "15"] {
            assert_eq!(parse(text.as_bytes()), Some(SIGTERM), "{text}");
        }
        assert_eq!(parse(b"0"), Some(0));
        for text in ["", "SIG", "32", "-1", "TERMS", "99999999999"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!((name(9), sentence(9)), (Some("KILL"), "Killed"));
    }
}
