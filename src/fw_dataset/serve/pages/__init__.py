"""The pages on which people explore what is served: values in, HTML out."""
