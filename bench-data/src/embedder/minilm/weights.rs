//! The tensors in a safetensors file, each with the shape that is asked for.

use anyhow::{Context, Result, ensure};
use candle_core::safetensors::SliceSafetensors;
use candle_core::{DType, Device, Tensor};

/// A parsed file.
pub(super) struct Weights<'a>(SliceSafetensors<'a>);

impl<'a> Weights<'a> {
    /// The tensors in the bytes of a file.
    pub(super) fn parse(file: &'a [u8]) -> Result<Weights<'a>> {
        Ok(Weights(SliceSafetensors::new(file).context("it is no safetensors file")?))
    }

    /// The tensor of f32 called `name`, of this shape.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let found = self.0.get(name).with_context(|| format!("there is no tensor {name}"))?;
        let tensor = self.0.load(name, &Device::Cpu).with_context(|| format!("read the tensor {name}"))?;
        ensure!(
            tensor.dtype() == DType::F32 && found.shape() == shape,
            "the tensor {name} is {:?} {:?} instead of F32 {shape:?}",
            found.dtype(),
            found.shape()
        );
        Ok(tensor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn file(name: &str, tensor: Tensor) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made.safetensors");
        candle_core::safetensors::save(&HashMap::from([(name, tensor)]), &path).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn a_tensor_has_the_values_of_the_file() {
        let values = [[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let file = file("a", Tensor::new(&values, &Device::Cpu).unwrap());
        let tensor = Weights::parse(&file).unwrap().tensor("a", &[2, 3]).unwrap();
        assert_eq!(tensor.to_vec2::<f32>().unwrap(), values);
    }

    #[test]
    fn what_is_not_there_or_of_another_shape_is_named() {
        let ones = Tensor::ones((2, 3), DType::F32, &Device::Cpu).unwrap();
        let counts = Tensor::ones((2, 3), DType::I64, &Device::Cpu).unwrap();
        for (tensor, name, shape, reason) in [
            (&ones, "b", [2, 3], "there is no tensor b"),
            (&ones, "a", [3, 2], "the tensor a is F32 [2, 3] instead of F32 [3, 2]"),
            (&counts, "a", [2, 3], "the tensor a is I64 [2, 3] instead of F32 [2, 3]"),
        ] {
            let file = file("a", tensor.clone());
            let error = Weights::parse(&file).unwrap().tensor(name, &shape).unwrap_err();
            assert!(format!("{error:#}").contains(reason), "{error:#}");
        }
    }

    #[test]
    fn a_file_that_is_cut_short_is_refused() {
        let file = file("a", Tensor::ones((2, 3), DType::F32, &Device::Cpu).unwrap());
        for len in [0, 7, 20, file.len() - 1] {
            let error = Weights::parse(&file[..len]).err().unwrap();
            assert_eq!(error.to_string(), "it is no safetensors file");
        }
    }
}
