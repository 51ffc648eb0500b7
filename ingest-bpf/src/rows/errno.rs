//! Names of the errors that Linux's system calls return.

/// Largest error number that a system call returns (`MAX_ERRNO` of `linux/err.h`).
pub(crate) const MAX_ERRNO: i64 = 4095;

/// Of `asm-generic/errno-base.h` and `errno.h`, what calls on files return; and what an interrupted call
/// shows to a tracer (`linux/errno.h`).
const NAMES: &[(i16, &str)] = &[
    (1, "EPERM"),
    (2, "ENOENT"),
    (4, "EINTR"),
    (5, "EIO"),
    (6, "ENXIO"),
    (7, "E2BIG"),
    (9, "EBADF"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (14, "EFAULT"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (19, "ENODEV"),
    (20, "ENOTDIR"),
    (21, "EISDIR"),
    (22, "EINVAL"),
    (23, "ENFILE"),
    (24, "EMFILE"),
    (26, "ETXTBSY"),
    (27, "EFBIG"),
    (28, "ENOSPC"),
    (29, "ESPIPE"),
    (30, "EROFS"),
    (32, "EPIPE"),
    (36, "ENAMETOOLONG"),
    (61, "ENODATA"),
    (75, "EOVERFLOW"),
    (88, "ENOTSOCK"),
    (95, "EOPNOTSUPP"),
    (103, "ECONNABORTED"),
    (104, "ECONNRESET"),
    (110, "ETIMEDOUT"),
    (116, "ESTALE"),
    (117, "EUCLEAN"),
    (121, "EREMOTEIO"),
    (122, "EDQUOT"),
    (125, "ECANCELED"),
    (512, "ERESTARTSYS"),
    (513, "ERESTARTNOINTR"),
    (514, "ERESTARTNOHAND"),
    (516, "ERESTART_RESTARTBLOCK"),
    (521, "EBADHANDLE"),
    (529, "EIOCBQUEUED"),
];

/// What a call returned: bytes, or an error number. None when it is neither.
pub(crate) fn outcome(returned: i64) -> Option<Result<i64, i16>> {
    if returned >= 0 {
        return Some(Ok(returned));
    }
    let errno = returned.checked_neg().filter(|errno| *errno <= MAX_ERRNO)?;
    Some(Err(i16::try_from(errno).ok()?))
}

/// The name of an error number, or the number.
pub(crate) fn name(errno: i16) -> String {
    match NAMES.iter().find(|(number, _)| *number == errno) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("errno {errno}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_return_is_an_error_with_its_name() {
        assert_eq!(outcome(12), Some(Ok(12)));
        assert_eq!(outcome(-28).unwrap().map_err(name), Err("ENOSPC".into()));
        assert_eq!(outcome(-99).unwrap().map_err(name), Err("errno 99".into()));
        assert_eq!(outcome(-4096), None);
        assert_eq!(outcome(i64::MIN), None);
    }
}
