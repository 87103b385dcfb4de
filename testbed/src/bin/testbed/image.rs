//! `testbed image`: the operator's container image.

use std::path::PathBuf;
use std::process::ExitCode;

use testbed::Error;
use testbed::image::Image;

use crate::OperatorArgument;

#[derive(clap::Args)]
pub(crate) struct ImageArguments {
    /// Path of the archive to write
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
    /// Name of the image
    #[arg(long, default_value = concat!("streamcat-operator:", env!("CARGO_PKG_VERSION")), value_name = "REPOSITORY:TAG")]
    reference: String,
    #[command(flatten)]
    operator: OperatorArgument,
}

pub(crate) fn image(arguments: ImageArguments) -> Result<ExitCode, Error> {
    let ImageArguments { output, reference, operator } = arguments;
    let directory = tempfile::tempdir()
        .map_err(|source| Error::Io { action: "create a temporary directory".into(), source })?;
    let files = directory.path().join("files");
    let digest = Image::of_operator(&operator.path()?, &reference, &files)?.write(&output)?;
    println!("{reference} {digest} in {}", output.display());
    Ok(ExitCode::SUCCESS)
}
